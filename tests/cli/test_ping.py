"""fastws.cli.ping: a line a reply, a summary whatever ends it."""

import re
import signal
import sys

import pytest


def test_ping(command, exchange):
    outcome = command("ping", "-n", 3, "--interval", 0.001, "--url", exchange.url)
    assert (outcome.code, outcome.err) == (0, "")
    first, *replies, summary = outcome.out.splitlines()
    assert re.fullmatch(rf"{re.escape(exchange.url)}: connected in [0-9.]+ .?s", first)
    assert [re.fullmatch(r"(reply \d): [0-9.]+ .?s", line).group(1) for line in replies] == [
        "reply 1",
        "reply 2",
        "reply 3",
    ]
    assert re.fullmatch(r"3 replies: min [0-9.]+ .?s, avg .*, p50 .*, max .*", summary)


def test_quiet(command, exchange):
    outcome = command("ping", "-q", "-n", 1, "--url", exchange.url)
    assert len(outcome.out.splitlines()) == 2
    assert outcome.out.splitlines()[1].startswith("1 reply: min ")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "no endpoint: give"),
        (["-n", "0"], 2, "not a whole number of 1 or more"),
        (["-i", "-1"], 2, "not a number of seconds above 0"),
        (["-i", "nan"], 2, "not a number of seconds above 0"),
        (["--url", "ws://127.0.0.1:1"], 1, "cannot connect"),
    ],
)
def test_failures(command, arguments, code, said):
    outcome = command("ping", *arguments)
    assert outcome.code == code
    assert said in outcome.err


def test_a_loss_ends_it_with_a_summary(command, exchange):
    exchange.do(lambda: exchange.emulator.faults.add("cut_before", method="ping"))
    assert command("ping", "-n", 1, "--url", exchange.url).code == 1


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT to one process")
def test_ctrl_c_shows_the_summary(start, exchange):
    process = start("ping", "-n", 1000, "--url", exchange.url)
    while not process.stdout.readline().startswith("reply 1"):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (130, "")
    assert re.search(r"repl(y|ies): min ", out.splitlines()[-1])
