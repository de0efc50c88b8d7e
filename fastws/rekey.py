"""``Rekeying``: gives a client another API key of the same account, without an end of its connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from ._common.shown import shown
from .errors import ApiError, InvalidRequest, NotSent, SessionRevoked
from .lifecycle.logon import Logon
from .requester import Requester
from .signing import Signer
from .trading.accounts import Accounts, key_digest

__all__ = ["Rekeying"]

_ASK = {"omitZeroBalances": True}


class Rekeying:
    """Carries out ``client.rekey()`` for a client, one at a time.

    Args:
        own: the client's key.
        automatic: whether fastws logs on by itself (``connect(logon="auto")``).
        use: makes a key the client's own.
    """

    def __init__(
        self,
        client: Requester,
        accounts: Accounts,
        logon: Logon,
        own: Signer | None,
        *,
        automatic: bool,
        use: Callable[[Signer], None],
    ) -> None:
        self._client = client
        self._accounts = accounts
        self._logon = logon
        self._own = own
        self._automatic = automatic
        self._use = use
        self._turn: asyncio.Lock | None = None

    async def rekey(self, signer: Signer) -> None:
        """See Client.rekey()."""
        if not isinstance(signer, Signer):
            raise InvalidRequest(f"signer: expected what load_signer() returns, got {shown(type(signer))}")
        if self._own is None:
            raise InvalidRequest("this client has no key that another one could replace")
        if self._turn is None:
            self._turn = asyncio.Lock()
        async with self._turn:
            old, logs_on = self._own, self._logs_on(signer)
            if signer.api_key != old.api_key:
                await self._check_account(signer)
            self._adopt(signer)
            if not logs_on:
                return
            try:
                await self._client.request("session.logon")
            except (ApiError, NotSent):
                self._adopt(old)
                raise

    def _logs_on(self, signer: Signer) -> bool:
        """Whether the new key has to log on.

        Raises:
            InvalidRequest: it has to, and cannot.
        """
        logon, old = self._logon, self._own
        assert old is not None
        if not logon.wanted:
            return self._automatic and signer.can_logon and not old.can_logon
        if logon.signer is not None or logon.is_foreign:
            return False  # another account is logged on
        if not signer.can_logon:
            raise InvalidRequest(
                f"signer: the client is logged on, and a key of the kind {signer.kind} cannot log on"
            )
        return True

    async def _check_account(self, signer: Signer) -> None:
        """Raise InvalidRequest unless the key is of the client's account."""
        # Accounts learns the uid from the reply
        await self._client.request("account.status", _ASK, signer=signer)
        digest = key_digest(signer.api_key)
        await self._accounts.refuse_others(
            "the new key", digest, self._accounts.uid_of(digest), self._ask_old
        )

    async def _ask_old(self) -> Any:
        """Ask account.status with the client's key, whose uid no reply has shown yet."""
        try:
            return await self._client.request("account.status", _ASK, signer=self._own)
        except SessionRevoked as error:
            raise InvalidRequest(
                "signer: it cannot be shown that it is of the same account, because the old key is refused and no reply"
                f" to account.status has shown its uid: {error}"
            ) from error

    def _adopt(self, signer: Signer) -> None:
        self._own = signer
        self._use(signer)
