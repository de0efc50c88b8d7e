"""``Lookup``: the addresses of a host, looked up for each attempt to connect, and remembered from those that worked.

A lookup has half a second, if there are addresses that last worked; without any, it has as long as the attempt. It runs
in a thread that nobody waits for, since a lookup cannot be ended, and a name server that is dead must keep neither an
attempt nor the end of the program waiting. All clients of a process share one Lookup.

Addresses at which the last attempt failed come behind the others. So an address that never answers, such as one of IPv6
where only IPv4 works, takes the time of one attempt, and not of all.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
import threading
from concurrent.futures import Future

from .._common.affinity import before_pin, free

__all__ = ["LOOKUP", "Lookup"]

BOUND = 0.5  # seconds
_MOST_HOSTS = 1000
_MOST_FAILED = 100  # addresses of a host


class Lookup:
    """See the module's docstring."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        # anew in the child of a fork, where no thread is that holds the lock, or looks up
        self._lock = threading.Lock()
        self._running: dict[str, _Running] = {}
        self._late: dict[str, list[str]] = {}  # found after the attempt had stopped waiting
        self._worked: dict[str, list[str]] = {}
        self._turns: dict[str, int] = {}
        # addresses whose last attempt failed, the first failure first
        self._failed: dict[str, list[str]] = {}

    async def find(self, host: str, turn: int = 0) -> list[str]:
        """The addresses to try, in this order. ``turn``: the place of the first one, of those that did not fail.

        Raises:
            OSError: the host cannot be found, and no address of it worked before.
        """
        if _is_address(host):
            return [host]
        with self._lock:
            late, worked = self._late.pop(host, None), self._worked.get(host)
            if late:
                return self._ordered(host, late, turn)
            running = self._running.get(host)
            if running is None:
                running = _Running()
                threading.Thread(
                    target=self._run, args=(host, running, before_pin()), name="fastws-lookup", daemon=True
                ).start()
                self._running[host] = running
            running.waiters += 1
        found = asyncio.wrap_future(running.future)
        try:
            await asyncio.wait([found], timeout=BOUND if worked else None)
            if found.done():
                with self._lock:
                    return self._ordered(host, found.result(), turn)
        except OSError:
            if not worked:
                raise
        finally:
            found.cancel()
            with self._lock:
                running.waiters -= 1
        assert worked is not None
        with self._lock:
            again = self._turns[host] = self._turns.get(host, -1) + 1
        turn = (turn + again) % len(worked)
        return [*worked[turn:], *worked[:turn]]

    def worked(self, host: str, address: str, others: list[str]) -> None:
        """A connection to ``address`` was opened; ``others`` are the addresses of the host that were found with it."""
        if _is_address(host):
            return
        with self._lock:
            if len(self._worked) >= _MOST_HOSTS:
                self._worked.clear()
            self._worked[host] = [address, *(other for other in others if other != address)]
            self._turns.pop(host, None)
            if address in self._failed.get(host, ()):
                self._failed[host].remove(address)

    def failed(self, host: str, address: str) -> None:
        """An attempt at ``address`` failed, or ended without an answer."""
        if _is_address(host):
            return
        with self._lock:
            if len(self._failed) >= _MOST_HOSTS:
                self._failed.clear()
            others = (other for other in self._failed.get(host, ()) if other != address)
            self._failed[host] = [*others, address][-_MOST_FAILED:]

    def _ordered(self, host: str, addresses: list[str], turn: int = 0) -> list[str]:
        """The addresses from that of the turn on, those behind the others whose last attempt failed."""
        failed = self._failed.get(host, [])
        if turn:
            good = [address for address in addresses if address not in failed]
            turn %= max(1, len(good))
            addresses = [*good[turn:], *good[:turn], *(each for each in addresses if each in failed)]
        return sorted(addresses, key=lambda address: failed.index(address) if address in failed else -1)

    def forget(self) -> None:
        """Forget all addresses."""
        with self._lock:
            self._failed.clear()
            self._late.clear()
            self._worked.clear()
            self._turns.clear()

    def _run(self, host: str, running: _Running, cores: set[int] | None) -> None:
        free(cores)
        found: list[str] = []
        error: OSError | None = None
        try:
            rows = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            found = list(dict.fromkeys(str(row[4][0]) for row in rows))
            if not found:
                error = OSError(f"{host} has no address")
        except OSError as exc:
            error = exc
        except Exception as exc:  # a host that cannot be encoded
            error = OSError(str(exc))
        with self._lock:
            del self._running[host]
            if error is None and not running.waiters:
                self._late[host] = found
        if error is None:
            running.future.set_result(found)
        else:
            running.future.set_exception(error)


class _Running:
    """A lookup under way."""

    def __init__(self) -> None:
        self.future: Future[list[str]] = Future()
        self.future.set_running_or_notify_cancel()
        self.waiters = 0


LOOKUP = Lookup()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=LOOKUP._begin)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
