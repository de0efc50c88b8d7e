"""What goes to standard error where a program configures no logging: what fastws has to say, once, and nothing else."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

PROGRAM = """
    import fastws
    from helpers.support import run, serving

    async def script(peer):
        await peer.request()
        peer.send({frame})

    async def main():
        async with serving(script) as url, fastws.connect(url, reconnect={reconnect}) as client:
            try:
                await client.ping()
            except fastws.ConnectionLost as error:
                print(error)

    run(main())
"""


@pytest.mark.parametrize(
    "frame", [b"\x83\x00", b"\x81\x82\0\0\0\0{}", b"\x81\x7f" + b"\xff" * 8, b"\xc1\x00"]
)
@pytest.mark.parametrize("reconnect", [True, False])
def test_a_frame_that_ends_the_connection_is_told_by_the_error_and_one_line(frame, reconnect):
    text = textwrap.dedent(PROGRAM.format(frame=frame, reconnect=reconnect))
    command = [sys.executable, "-W", "error", "-c", text]
    folder = Path(__file__).parents[1]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=20)
    assert done.returncode == 0
    if reconnect:
        assert done.stderr.startswith("connection 1: the ")
        assert done.stderr.count("\n") == 1
    else:
        assert done.stderr == "", "the client is closed: the errors of its requests say so"
    assert done.stdout.startswith("no reply to ping: the ")
    assert done.stdout.count("\n") == 1
