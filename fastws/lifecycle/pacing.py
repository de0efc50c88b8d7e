"""``Pace``: when a client that lost its connection may make its next attempt."""

from __future__ import annotations

from typing import Any

from .._common.log import connection_log
from .._native.clock import Clock
from ..errors import ApiError, FastwsError
from . import shared
from .answers import judge
from .backoff import Backoff
from .shared import Member, Share

__all__ = ["NotYet", "Pace"]

# In seconds: the clients that wait for the same gate do not all connect at the moment when it opens.
_BEHIND_A_GATE = 1.0
# In seconds: a client that follows another one looks again after so long, in case that one is gone.
_LOOK_AGAIN = 60.0


class NotYet(Exception):
    """An attempt may not be made yet; ``delay``: for how many seconds."""

    def __init__(self, delay: float, reason: str) -> None:
        super().__init__(f"{reason}; {_next(delay)}")
        self.delay = delay
        self.reason = reason


class Pace:
    """Holds the attempts of a client to its backoff, and to what all clients of the process share.

    Args:
        budget: attempts in 5 minutes (``connect_budget``).
    """

    def __init__(self, backoff: Backoff, share: Share, clock: Clock, budget: int) -> None:
        self._backoff = backoff
        self._share = share
        self._clock = clock
        self._budget = budget

    def check(self, member: Member, waited: bool) -> None:
        """Count an attempt that is made now. ``waited``: its delay is over.

        Raises:
            NotYet: it may not be made.
        """
        delay = 0.0 if waited else self._backoff.delay()
        if delay > 0:
            raise NotYet(delay, "the last connection was soon lost")
        self._check_shared(member, "waiting")
        self._backoff.attempted()

    def check_rotation(self, member: Member) -> None:
        """As check(), for an attempt to replace a connection that is in use."""
        self._check_shared(member, "open")

    def turn_to_rotate(self) -> float:
        """Seconds until a rotation may begin that the exchange's notice asks for."""
        return self._share.turn_to_rotate()

    def _check_shared(self, member: Member, state: str) -> None:
        gate = self._share.closed_gate()
        if gate is not None:
            delay = gate.until - shared.clock() + self._backoff.uniform(0.0, _BEHIND_A_GATE)
            closed = NotYet(delay, gate.why)
            connection_log.warning(
                "no attempt to connect: %s",
                closed,
                code="attempt-forbidden",
                state=state,
                reason=gate.why,
                delay=delay,
            )
            raise closed
        delay = self._share.wait_for_budget(self._budget)
        if delay > 0:
            reason = f"{self._budget} attempts were made in 5 minutes (connect_budget)"
            spent = NotYet(delay, reason)
            connection_log.warning(
                "no attempt to connect: %s",
                spent,
                code="connect-budget-used-up",
                state=state,
                reason=reason,
                delay=delay,
            )
            raise spent
        if not self._share.may_try(member):
            raise NotYet(
                _LOOK_AGAIN, "another client of this process tries to connect, and this one follows it"
            )

    def after(self, error: FastwsError, member: Member) -> tuple[str, float, str]:
        """What follows from an attempt that failed: the event, the delay of the next attempt, and both in words."""
        event, wait = judge(error, self._clock.now())
        facts: dict[str, Any] = {
            "state": "waiting",
            "reason": str(error),
            "attempt": self._backoff.attempts,
        }
        if event == "refused":
            self._share.leave(member)
            delay = self._backoff.refused
            said = f"refused: {error}; {_next(delay)}"
            connection_log.error(
                "an attempt to connect was %s", said, code="attempt-refused", delay=delay, **facts
            )
            return event, delay, said
        self._share.failed()
        delay = self._backoff.delay()
        if wait > 0:
            delay = max(delay, wait + self._backoff.uniform(0.0, _BEHIND_A_GATE))
        if self._share.pass_on(member, delay):
            delay, said = _LOOK_AGAIN, f"{error}; another client of this process tries next"
        else:
            said = f"{error}; {_next(delay)}"
        if wait > 0:
            connection_log.warning(
                "an attempt to connect was forbidden: %s",
                said,
                code="attempt-forbidden",
                delay=delay,
                **facts,
            )
        else:
            connection_log.warning(
                "an attempt to connect failed: %s", said, code="attempt-failed", delay=delay, **facts
            )
        return event, delay, said

    def after_rotation(
        self, error: FastwsError, member: Member, backoff: Backoff, *, repeated: bool
    ) -> tuple[str, float, str]:
        """What follows from an attempt to replace a connection that failed: as after().

        Any refusal of a subscribe is a failure. ``repeated``: whether another attempt follows.
        """
        event, wait = judge(error, self._clock.now())
        if isinstance(error, ApiError) and error.method.startswith("userDataStream."):
            event = "failed"
        said = f"the connection could not be replaced, and stays: {error}"
        facts: dict[str, Any] = {"state": "open", "reason": str(error)}
        if event == "refused":
            self._share.leave(member)
            delay = backoff.refused
        else:
            self._share.failed()
            delay = backoff.delay()
            if wait > 0:
                delay = max(delay, wait + backoff.uniform(0.0, _BEHIND_A_GATE))
            if self._share.pass_on(member, delay):
                delay = _LOOK_AGAIN
        if repeated:
            facts["delay"] = delay
            said = f"{said}; {_next(delay)}"
        if event == "refused":
            connection_log.error("%s", said, code="rotation-refused", **facts)
        else:
            connection_log.warning("%s", said, code="rotation-failed", **facts)
        return event, delay, said

    def after_revocation(self, lasted: float) -> float:
        """Seconds until a logon is restored once more, which was revoked after ``lasted`` seconds."""
        if lasted >= self._backoff.stable:
            return 0.0
        self._backoff.attempted()
        return self._backoff.delay()

    def after_logon(self, error: FastwsError) -> tuple[str, float, str]:
        """What follows from an attempt to restore the logon on an open connection: as after()."""
        event, wait = judge(error, self._clock.now())
        facts: dict[str, Any] = {"state": "open", "reason": str(error)}
        if event == "refused":
            delay = self._backoff.refused
            event = "logon refused"
            said = f"the logon was refused: {error}; {_next(delay)}"
            connection_log.error("%s", said, code="logon-refused", delay=delay, **facts)
        else:
            self._backoff.attempted()
            delay = max(self._backoff.delay(), wait)
            event = "logon failed"
            said = f"the logon failed: {error}; {_next(delay)}"
            connection_log.warning("%s", said, code="logon-failed", delay=delay, **facts)
        return event, delay, said


def _next(delay: float) -> str:
    return f"the next attempt follows in {delay:.{0 if delay >= 10 else 2}f} s"
