"""What is compiled for the benchmarks, at first use, into build/bench: the server, the clients in C, the interface of
the request encoder, and SBE decoders written by hand. Server and clients run in processes of their own, which end with
this one.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import shutil
import ssl
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, Literal

import pytest

from fastws.emulator.network.tls import Certificate

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent
BUILD = ROOT / "build" / "bench"
FLAGS = ("-O2", "-Wall", "-Wextra")


def compiled(name: str, *more: str, libraries: Sequence[str] = ()) -> Path:
    """What is made from ``name``.c; the calling benchmark is skipped where there is no C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("needs a C compiler: there is no cc, gcc or clang")
    source = FOLDER / f"{name}.c"
    used = [source, *sorted(FOLDER.glob("*.h"))]
    texts = b"".join(path.read_bytes() for path in used) + repr((compiler, FLAGS, more, libraries)).encode()
    digest = hashlib.sha256(texts).hexdigest()[:12]
    program = BUILD / f"{name}-{digest}"
    if not program.exists():
        BUILD.mkdir(parents=True, exist_ok=True)
        made = program.with_suffix(".new")
        subprocess.run([compiler, *FLAGS, *more, "-o", made, source, *libraries], check=True)
        made.rename(program)
    return program


def with_tls(name: str, *more: str) -> Path:
    """What is made from ``name``.c with TLS; the calling benchmark is skipped where OpenSSL has no headers."""
    try:
        return compiled(name, "-DWITH_TLS", *more, libraries=["-lssl", "-lcrypto"])
    except subprocess.CalledProcessError:
        pytest.skip("needs the headers and libraries of OpenSSL (libssl-dev)")


def shared_library(name: str) -> Path:
    """The shared library made from ``name``.c."""
    return compiled(name, "-shared", "-fPIC")


def encoder_module() -> ModuleType:
    """The interface of the request encoder; the calling benchmark is skipped where there is no Cython."""
    return _cythonized("encoder", "buffer.pxd", "given.pxd", "methods.pxd", "prepared.pxd", "request.pxd")


def by_hand_module() -> ModuleType:
    """SBE decoders written by hand; the calling benchmark is skipped where there is no Cython."""
    return _cythonized("by_hand")


def market_by_hand_module() -> ModuleType:
    """Decoders of market data written by hand; the calling benchmark is skipped where there is no Cython."""
    return _cythonized("market_by_hand")


def market_parts_module() -> ModuleType:
    """The interface of the decoders of market data and their sinks; skipped where there is no Cython."""
    return _cythonized(
        "market_parts",
        "market_values.pxd",
        "market_sink.pxd",
        "market_sbe.pxd",
        "market_json.pxd",
        "json.pxd",
    )


def _cythonized(name: str, *declarations: str) -> ModuleType:
    """The module made from ``name``.pyx, which cimports the ``declarations`` of fastws._native."""
    if importlib.util.find_spec("Cython") is None:
        pytest.skip("needs Cython")
    source = FOLDER / f"{name}.pyx"
    digest = hashlib.sha256(source.read_bytes())
    for declaration in declarations:
        digest.update((ROOT / "fastws" / "_native" / declaration).read_bytes())
    folder = BUILD / f"{name}-{digest.hexdigest()[:12]}"
    library = folder / f"{name}{sysconfig.get_config_var('EXT_SUFFIX')}"
    if not library.exists():
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, folder)
        command = [sys.executable, "-m", "Cython.Build.Cythonize", "-i", "-q", str(folder / source.name)]
        subprocess.run(command, check=True, cwd=ROOT)
    spec = importlib.util.spec_from_file_location(name, library)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Program:
    """A child process that talks by lines and ends when its standard input closes."""

    def __init__(self, *command: str | Path) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def read_line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._process.args!r} ended with status {self._process.wait()}")
        return line

    def write_line(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


class Server(Program):
    """The compiled WebSocket server; see server.c.

    Args:
        mode: "spin", "hot" or "block": how it waits for requests.
        replies: for each URL path, without its slash, the messages to answer with. Each begins with
            ``{"id":`` and an id, in whose place the id of the request is put. A method in place of a path: what answers
            it on each path ("logon" for session.logon).
        events: messages that a connection to ``/path?events=RATE`` gets at that rate a second, from its
            userDataStream.subscribe on, whose reply ``replies`` must have.
        delay: nanoseconds from the reading of a request to the writing of its reply.
        feeds: recorded market data by name, as market_feeds.recorded() makes it, for ``play()``.
        tls: whether it speaks TLS, with a certificate for 127.0.0.1 of its own authority, whose file is ``authority``.
    """

    def __init__(
        self,
        mode: Literal["spin", "hot", "block"],
        replies: Mapping[str, Iterable[bytes]],
        delay: int = 0,
        *,
        events: Iterable[bytes] = (),
        feeds: Mapping[str, bytes] | None = None,
        tls: bool = False,
    ) -> None:
        program = with_tls("server") if tls else compiled("server")
        self._folder = tempfile.TemporaryDirectory()
        self.authority: Path | None = None
        files = []
        if tls:
            certificate = Certificate()
            self.authority = Path(self._folder.name, "authority.pem")
            self.authority.write_bytes(certificate.ca_pem)
            own = Path(self._folder.name, "server.pem")
            own.write_bytes(certificate.server_pem())
            files.append(f"tls={own}")
        for name, recording in (feeds or {}).items():
            path = Path(self._folder.name, f"feed-{name}")
            path.write_bytes(recording)
            files.append(f"feed-{name}={path}")
        lines = {name: [_behind_id(message) for message in messages] for name, messages in replies.items()}
        lines["events"] = list(events)
        for name, texts in lines.items():
            path = Path(self._folder.name, name)
            path.write_bytes(b"".join(text + b"\n" for text in texts))
            files.append(f"{name}={path}")
        super().__init__(program, mode, str(delay), *files)
        self.port = int(self.read_line())

    def url(self, name: str) -> str:
        return f"{'ws' if self.authority is None else 'wss'}://127.0.0.1:{self.port}/{name}"

    def drop(self, name: str) -> None:
        """Close the connections to /name."""
        self.write_line(f"drop {name}")

    def play(self, feed: str, rate: int, count: int, *, ping: bool = False) -> None:
        """Send ``count`` messages of a feed to all that subscribed to market data, ``rate`` a second.

        Rate 0: as fast as the clients read. With ``ping``, a ping is sent halfway.
        """
        self.write_line(f"play {feed} {rate} {count} {int(ping)}")

    def played(self) -> dict[str, int]:
        """{"left", "began", "ended", "pong"}: messages, monotonic nanoseconds (0: not yet), nanoseconds of the pong."""
        self.write_line("played")
        played: dict[str, int] = json.loads(self.read_line())
        return played

    def watch(self) -> None:
        """Measure each turn of a "hot" server's loop from now on."""
        self.write_line("watch")

    def late(self) -> list[list[int]]:
        """The turns over 50 µs since the last call: [start, nanoseconds, CPU nanoseconds, involuntary switches]."""
        self.write_line("late")
        turns: list[list[int]] = json.loads(self.read_line())
        return turns

    def context(self) -> ssl.SSLContext | None:
        """The context of a client that trusts this server; None without TLS."""
        return None if self.authority is None else ssl.create_default_context(cafile=str(self.authority))

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
        self._folder.cleanup()


class Floor(Program):
    """The compiled client: the least that round trips over a socket cost; see floor.c."""

    def __init__(self, server: Server, name: str, mode: Literal["spin", "block"]) -> None:
        tls = () if server.authority is None else (server.authority,)
        program = with_tls("floor") if tls else compiled("floor")
        super().__init__(program, str(server.port), f"/{name}", mode, *tls)

    def run(self, trips: int, in_flight: int = 1) -> dict[str, Any]:
        """Make round trips: {"trips", "elapsed_ns", "cpu_ns", "median_ns", "p99_ns"}."""
        self.write_line(f"{in_flight} {trips}")
        result: dict[str, Any] = json.loads(self.read_line())
        return result


def _behind_id(message: bytes) -> bytes:
    if not message.startswith(b'{"id":'):
        raise ValueError("a reply begins with its id")
    return message[message.index(b",") :]
