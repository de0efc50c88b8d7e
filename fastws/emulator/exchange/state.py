"""The state of the exchange that requests act on: accounts and keys, books, limits, the clock."""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from ..market.liquidity import LiquidityProvider
from ..market.reference_prices import MeanPrice, ReferencePrices
from ..market.simulation import MarketMode, MarketSimulation
from ..matching import sor
from ..matching.book import Book
from ..matching.engine import Engine
from ..matching.events import Reporter, balance_update, external_lock_update
from ..matching.filters import ExchangeFilters
from ..values.accounts import Account
from ..values.auth import API_KEY_FORMAT, PERMISSIONS, ApiKey, Credentials, KeyType, load_key, new_private_key
from ..values.clock import Clock
from ..values.decimals import units
from ..values.delays import Seconds
from ..values.errors import refuse
from ..values.event_log import EventLog
from ..values.faults import Faults
from ..values.limits import AddressLimits, Limits
from ..values.orders import Order
from ..values.symbols import STATUSES, Symbol
from .database import Database
from .memory import Memory
from .streams import Streams

__all__ = ["DEFAULT_BALANCES", "Exchange"]

DEFAULT_BALANCES: Mapping[str, str] = {
    "USDT": "1000000",
    "BTC": "10",
    "ETH": "100",
    "BNB": "1000",
    "456": "1000000",
    "这是测试币": "1000000",
}
_COMMISSION = "0.001"
# The first fill of an order lowers its account's unfilled order count by this much. For a taker, the documentation says
# one; for a maker it says "more", and an example shows five (faqs/order_count_decrement.md).
_TAKER_CREDIT = 1
_MAKER_CREDIT = 5


class Exchange:
    """Accounts, keys, books and limits, without any network; for ``market`` see MarketMode."""

    def __init__(
        self,
        *,
        clock: Clock,
        symbols: Iterable[Symbol],
        limits: Limits,
        enforce_limits: bool,
        seed: int,
        history: int,
        market: MarketMode = "still",
        faults: Faults | None = None,
        event_delay: Seconds = 0.0,
        query_lag: Seconds = 0.0,
        database_lag: Seconds = 0.0,
        events: EventLog | None = None,
    ) -> None:
        self.clock = clock
        self.limits = limits
        self.enforce_limits = enforce_limits
        self.keys: dict[str, ApiKey] = {}
        self.accounts: list[Account] = []
        self.next_connection = 1  # numbers of connections go on when the server stops and starts again
        self.events = EventLog(0) if events is None else events
        faults = Faults(seed) if faults is None else faults
        self.streams = Streams(event_delay, seed, faults, clock.now_us, self.events)
        self.streams.account_limit = limits.account_subscriptions if enforce_limits else 0
        self._random = random.Random(f"accounts {seed}")
        self._addresses: dict[str, AddressLimits] = {}
        self._first_fills: list[tuple[Account, int]] = []
        # Called when all that follows from a command or a move of the market has happened.
        self.on_publish: Callable[[], None] | None = None
        self.filters = ExchangeFilters()
        self.reporter = Reporter(self)
        # The exchange's own accounts. They have no keys, so no client can see them.
        self._internal: set[Account] = set()
        self.fees = self._own_account("fees")
        provider = self._own_account("liquidity provider")
        self.engine = Engine(
            symbols,
            self.fees,
            seed=seed,
            history=history,
            reporter=self.reporter,
            on_first_fill=self._first_fill,
        )
        self.memory = Memory(self.engine, clock, query_lag, seed)
        self.database = Database(self.engine, clock, self.is_internal, database_lag, seed)
        # The account that trades for orders with SOR; there is one only if a symbol has SOR.
        self.sor_account = self.fees
        if sor.configurations(self.engine):
            self.sor_account = self._own_account("sor")
            self.sor_account.maker_rate = self.sor_account.taker_rate = 0
        self.liquidity = LiquidityProvider(self.engine, provider, seed)
        self.references = ReferencePrices()
        self.market = MarketSimulation(
            self.engine, self.liquidity, self._own_account("background taker"), clock, seed, market
        )
        self.market.moved = self.publish
        self._open_references()
        for book in self.engine.books.values():
            book.set_status(book.symbol.status, clock.now_us())

    def _own_account(self, name: str) -> Account:
        account = self.new_account(name, {})
        self._internal.add(account)
        return account

    def new_account(self, name: str, balances: Mapping[str, str]) -> Account:
        """Open an account. ``balances`` maps assets to decimals as texts."""
        rate = units(_COMMISSION)
        uid = 100_000_000 + len(self.accounts)
        account = Account(
            uid, name or f"account {len(self.accounts)}", rate, rate, self.limits.order_windows()
        )
        for asset, amount in balances.items():
            account.deposit(asset, units(amount))
        account.update_time = self.clock.now_us()
        self.accounts.append(account)
        return account

    def new_key(
        self,
        account: Account,
        key_type: KeyType,
        *,
        api_key: str | None = None,
        secret: str | None = None,
        private_key: bytes | None = None,
        permissions: Iterable[str] = PERMISSIONS,
    ) -> Credentials:
        """Give an account a key. An API key, secret or private key that is not given is generated.

        Raises:
            ValueError: the key cannot be read, a permission is unknown, or the API key is in use.
        """
        granted = frozenset(permissions)
        if not granted <= PERMISSIONS:
            raise ValueError(f"no such permission: {', '.join(sorted(granted - PERMISSIONS))}")
        api_key = api_key or self._random_text(64)
        if API_KEY_FORMAT.fullmatch(api_key) is None or api_key in self.keys:
            raise ValueError("an API key has 64 letters and digits, and belongs to one account")
        if key_type == "HMAC":
            secret = secret or self._random_text(64)
        else:
            private_key = private_key or new_private_key(key_type)
        verify = load_key(key_type, secret=secret, private_key=private_key)
        self.keys[api_key] = ApiKey(api_key, key_type, account, granted, verify)
        return Credentials(api_key, key_type, secret, private_key, account)

    def revoke(self, key: ApiKey) -> None:
        """Make a key invalid, also for connections that are logged on with it."""
        key.revoked = True
        self.streams.end_of_key(key)

    def restore(self, key: ApiKey) -> None:
        """Make a key valid that was revoked. Connections that were logged on with it have to log on again."""
        if key.revoked:
            self.keys[key.api_key] = replace(key, revoked=False)

    def key(self, api_key: str) -> ApiKey:
        """A key that was given out, also if it was revoked.

        Raises:
            ValueError: there is no such key.
        """
        key = self.keys.get(api_key)
        if key is None:
            raise ValueError("unknown API key")
        return key

    def account(self, name: str) -> Account:
        """A user's account by its name.

        Raises:
            ValueError: there is no such account, or more than one.
        """
        users = [account for account in self.accounts if account not in self._internal]
        found = [account for account in users if account.name == name]
        if len(found) != 1:
            names = ", ".join(account.name for account in users)
            raise ValueError(
                f"there is {'more than one' if found else 'no'} account {name!r}; there are {names}"
            )
        return found[0]

    def book(self, symbol: str) -> Book:
        """The book of a symbol.

        Raises:
            Refusal: -1121, there is no such symbol.
        """
        book = self.engine.books.get(symbol)
        if book is None:
            raise refuse(-1121)
        return book

    def set_status(self, symbol: str, status: str) -> None:
        """Set the status of a symbol.

        Raises:
            ValueError: there is no such symbol, or no such status.
        """
        if symbol not in self.engine.books:
            raise ValueError(f"there is no symbol {symbol}; there are {', '.join(self.engine.books)}")
        if status not in STATUSES:
            raise ValueError(f"there is no status {status}; there are {', '.join(STATUSES)}")
        self.engine.books[symbol].set_status(status, self.clock.now_us())

    def settle(self, now_us: int) -> None:
        """Carry out what follows from the last command; then the liquidity provider refills books that have traded."""
        engine = self.engine
        engine.settle(now_us)
        while engine.traded:
            self.liquidity.refill(engine.traded.popitem()[1], now_us)

    def deposit(self, account: Account, asset: str, amount: str) -> None:
        """Add ``amount``, a decimal as text, to an account's free balance. A negative amount is a withdrawal.

        Raises:
            ValueError: the free balance is smaller than the withdrawal.
        """
        now_us = self.clock.now_us()
        change = self._move(account, asset, amount, now_us)
        account.balance(asset).free += change
        self.reporter.flush(now_us)
        if self.listening(account):
            self.emit(account, balance_update(asset, change, now_us))

    def lock_externally(self, account: Account, asset: str, amount: str) -> None:
        """Lock some of an account's free balance, as a system outside the exchange does; a negative amount unlocks.

        Raises:
            ValueError: the balance to lock or to unlock is smaller than the amount.
        """
        now_us = self.clock.now_us()
        change = -self._move(account, asset, f"-{amount}".removeprefix("--"), now_us)
        locked = account.external_locks.get(asset, 0) + change
        if locked < 0:
            raise ValueError("cannot unlock more than is locked")
        account.external_locks[asset] = locked
        balance = account.balance(asset)
        balance.free -= change
        balance.locked += change
        self.reporter.flush(now_us)
        if self.listening(account):
            self.emit(account, external_lock_update(asset, change, now_us))

    def _move(self, account: Account, asset: str, amount: str, now_us: int) -> int:
        change = -units(amount[1:]) if amount.startswith("-") else units(amount)
        if account.balance(asset).free + change < 0:
            raise ValueError(f"the account has less {asset} than that")
        account.update_time = now_us
        self.reporter.touch(account, asset)
        return change

    def address(self, address: str) -> AddressLimits:
        """The rate limit counters of an IP address."""
        limits = self._addresses.get(address)
        if limits is None:
            limits = self._addresses[address] = AddressLimits(self.limits)
        return limits

    def listening(self, account: Account) -> bool:
        """Whether anything needs the events of an account; otherwise they are not built."""
        if self.events.on or self.memory.on or self.database.on:
            return account not in self._internal
        return self.streams.listening(account)

    def is_internal(self, account: Account) -> bool:
        """Whether an account is the exchange's own, so that no client can query it."""
        return account in self._internal

    def emit(self, account: Account, event: dict[str, Any]) -> None:
        """Send an event of an account, ``{"e": …}`` as documented, with times in microseconds."""
        if self.memory.on:
            self.memory.note(event)
        if self.database.on:
            self.database.note(event)
        self.streams.emit(account, event)

    def publish(self) -> None:
        """Tell market data streams of all changes, and store them in the data sources that lag."""
        if self.memory.on:
            self.memory.publish()
        if self.database.on:
            self.database.publish()
        if self.on_publish is not None:
            self.on_publish()

    def credit_first_fills(self) -> None:
        """Lower the unfilled order counts for orders that had their first fill.

        The exchange does this a little after the trade.
        """
        if self._first_fills:
            now_us = self.clock.now_us()
            for account, credit in self._first_fills:
                for window in account.order_windows:
                    window.add(-credit, now_us)
            self._first_fills.clear()

    def _open_references(self) -> None:
        """Give BNBBTC a calculated reference price, and ETHUSDT one that is set; other symbols have none."""
        books, now_us = self.engine.books, self.clock.now_us()
        if "BNBBTC" in books:
            self.references.means["BNBBTC"] = MeanPrice()
        if "ETHUSDT" in books:
            self.references.set("ETHUSDT", books["ETHUSDT"].symbol.reference_price, now_us)
        for book in books.values():
            book.reference_price_at = partial(self.references.price, book)

    def _first_fill(self, order: Order, maker: bool) -> None:
        self._first_fills.append((order.account, _MAKER_CREDIT if maker else _TAKER_CREDIT))

    def _random_text(self, length: int) -> str:
        return "".join(self._random.choices(string.ascii_letters + string.digits, k=length))
