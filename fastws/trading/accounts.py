"""Which account a key belongs to. A record, or a gap in the events, is of one account.

Two keys are of the same account if they are the same key, or if their uid is the same. An API key is secret enough not
to be stored beside every order, so a digest stands for it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from .._common.digests import key_digest
from .._common.shown import shown
from ..errors import DecodeError, InvalidRequest

__all__ = ["Accounts", "key_digest", "same"]


def same(a_digest: str | None, a_uid: int | None, b_digest: str | None, b_uid: int | None) -> bool:
    """Whether two are known to be the same account: by the digests of their keys, or by their uids."""
    if a_digest is not None and a_digest == b_digest:
        return True
    return a_uid is not None and a_uid == b_uid


class Accounts:
    """The account of a client's own key, and the uids of accounts, as replies to account.status showed them.

    Attributes:
        own_key: the client's API key; None for a client without one. A client that logs on with another key of the
            same account sets it.
    """

    def __init__(self, own_key: str | None) -> None:
        self.own_key = own_key
        self._uids: dict[str, int] = {}  # by digest

    @property
    def own_digest(self) -> str | None:
        """The digest of the client's own key; None without one."""
        return None if self.own_key is None else key_digest(self.own_key)

    @property
    def own_uid(self) -> int | None:
        """The uid of the client's own account; None if no reply has shown it."""
        return self.uid_of(self.own_digest)

    def uid_of(self, digest: str | None) -> int | None:
        """The uid of the account of a key; None if no reply has shown it."""
        return None if digest is None else self._uids.get(digest)

    def identity(self, api_key: str | None) -> tuple[str | None, int | None]:
        """The digest of a key, None for the client's own, and the uid of its account, as far as they are known."""
        key = self.own_key if api_key is None else api_key
        digest = None if key is None else key_digest(key)
        return digest, self.uid_of(digest)

    def learn(self, api_key: str | None, result: Any) -> None:
        """Take the uid from the result of account.status. ``api_key`` is the key of that request; None is the own."""
        key = self.own_key if api_key is None else api_key
        try:
            uid = result["uid"]
        except (TypeError, LookupError, DecodeError):
            return
        if key is not None and type(uid) is int:
            self._uids[key_digest(key)] = uid

    async def refuse_others(
        self, what: str, digest: str | None, uid: int | None, ask: Callable[[], Awaitable[Any]]
    ) -> None:
        """Raise InvalidRequest unless an account is the client's own.

        account.status (weight 20) is asked only if the keys differ, ``uid`` is known, and the own uid is not.

        Args:
            what: what belongs to the account, for the text of the error.
            digest, uid: of the account, as far as they are known.
            ask: sends account.status with the client's own key; learn() gets the result.

        Raises:
            InvalidRequest: it is another account, or it cannot be shown to be the same. FastwsError: from ``ask``.
        """
        own = self.own_digest
        if own is None:
            raise InvalidRequest(
                f"{what} is of the account of key {shown(digest)}, and this client has no key"
            )
        if own != digest and uid is not None and self.own_uid is None:
            self.learn(None, await ask())
        if same(own, self.own_uid, digest, uid):
            return
        known = "" if uid is None else f", uid {uid}"
        mine = "" if self.own_uid is None else f", uid {self.own_uid}"
        raise InvalidRequest(
            f"{what} is of another account: of key {shown(digest)}{known}; this client's is {own!r}{mine}"
        )
