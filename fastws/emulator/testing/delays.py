"""The delays of an exchange and how its events travel, as attributes that can be changed at any time."""

from __future__ import annotations

from collections.abc import Collection

from ..exchange.state import Exchange
from ..network.gateway import Gateway
from ..values.checks import check_flag
from ..values.delays import Seconds

__all__ = ["EmulatorDelays"]


class EmulatorDelays:
    """The part of an Emulator with its delays. Each is a number of seconds or a pair (minimum, maximum).

    Three options let the events of a subscription differ from how we read the documentation.
    """

    core: Exchange
    _gateway: Gateway | None

    @property
    def gateway(self) -> Gateway:
        """The gateway, which takes the requests."""
        if self._gateway is None:
            raise RuntimeError("the exchange has not been started")
        return self._gateway

    @property
    def gateway_delay(self) -> Seconds:
        """Seconds that every request spends in the gateway. It may be changed at any time."""
        return self.gateway.gateway_delay.seconds

    @gateway_delay.setter
    def gateway_delay(self, seconds: Seconds) -> None:
        self.gateway.gateway_delay.seconds = seconds

    @property
    def engine_delay(self) -> Seconds:
        """Seconds from the gateway to the matching engine. It may be changed at any time."""
        return self.gateway.engine_delay.seconds

    @engine_delay.setter
    def engine_delay(self, seconds: Seconds) -> None:
        self.gateway.engine_delay.seconds = seconds

    @property
    def reply_delay(self) -> Seconds:
        """Seconds from the engine back to the client. It may be changed at any time."""
        return self.gateway.reply_delay.seconds

    @reply_delay.setter
    def reply_delay(self, seconds: Seconds) -> None:
        self.gateway.reply_delay.seconds = seconds

    @property
    def event_delay(self) -> Seconds:
        """Seconds by which events are delayed. A change applies to subscriptions made after it."""
        return self.core.streams.delay

    @event_delay.setter
    def event_delay(self, seconds: Seconds) -> None:
        self.core.streams.delay = seconds

    @property
    def query_lag(self) -> Seconds:
        """Seconds after which ``order.status`` and ``openOrders.status`` see a change. It may change at any time."""
        return self.core.memory.lag

    @query_lag.setter
    def query_lag(self, seconds: Seconds) -> None:
        self.core.memory.lag = seconds

    @property
    def database_lag(self) -> Seconds:
        """Seconds after which ``allOrders``, ``allOrderLists``, ``orderList.status`` and ``order.amendments`` see a
        change. It may be changed at any time."""
        return self.core.database.lag

    @database_lag.setter
    def database_lag(self, seconds: Seconds) -> None:
        self.core.database.lag = seconds

    @property
    def differing_fields(self) -> Collection[str]:
        """The names of fields of events whose values differ between connections, such as "E"; it may be changed at any
        time."""
        return self.core.streams.differing_fields

    @differing_fields.setter
    def differing_fields(self, names: Collection[str]) -> None:
        self.core.streams.differing_fields = names

    @property
    def termination_overtakes(self) -> bool:
        """Whether ``eventStreamTerminated`` overtakes the events that wait. It may be changed at any time."""
        return self.core.streams.termination_overtakes

    @termination_overtakes.setter
    def termination_overtakes(self, yes: bool) -> None:
        check_flag("termination_overtakes", yes)
        self.core.streams.termination_overtakes = yes

    @property
    def types_overtake(self) -> bool:
        """Whether events of different types overtake one another. It may be changed at any time."""
        return self.core.streams.types_overtake

    @types_overtake.setter
    def types_overtake(self, yes: bool) -> None:
        check_flag("types_overtake", yes)
        self.core.streams.types_overtake = yes
