from __future__ import annotations

from fastws.emulator.__main__ import main
from fastws.emulator.methods.readings import READINGS, table


def test_each_topic_has_one_reading():
    topics = [reading.topic for reading in READINGS]
    assert len(set(topics)) == len(topics)


def test_the_command_line_shows_them(capsys):
    assert main(["--readings"]) == 0
    assert capsys.readouterr().out == table() + "\n"
    assert len(table().splitlines()) == len(READINGS)
