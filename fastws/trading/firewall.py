"""Texts that Binance's firewall may take for an attack: ``connect(waf_guard="warn" | "refuse" | "off")``.

"Please avoid SQL keywords in requests as they may trigger a security block by a WAF (Web Application Firewall) rule"
(web-socket-api.md, General API Information, as of 2026-07-21); such a block is status 403. Binance names no keywords,
so the list here is fastws' reading. It has the words that begin a statement of SQL or a clause that injections use,
which is what rules of firewalls look for, and leaves out

* what Binance's own names and values use (ORDER, LIMIT, SET, KEY, TYPE, TIME, ALL …), since no rule can block that;
* words of trading that make good ids (GROUP, OPEN, CLOSE, TOP, MIN, MAX, TRIGGER, INDEX, COMMIT, CROSS …);
* words of fewer than four letters (OR, AND, NOT, ADD …): random ids, and the hexadecimal digits of a UUID, spell them.

A word counts where it stands alone among letters, in any case: ``drop-1``, ``my_UPDATE_7`` and ``select1`` hold one;
``backdrop``, ``dropper`` and ``SelectedOrder`` do not. What is looked at are the client order ids that the caller
makes (``FREE_TEXTS`` of the parameters' table: newClientOrderId, origClientOrderId, listClientOrderId, …), texts of
parameters that the table does not know, and the prefix of connect(client_order_id_prefix=…). Symbols, enums and
numbers are not, nor the random part of the ids that fastws makes: they have no vowels, so they spell none of these.
"""

from __future__ import annotations

from .._common.log import logger
from .._common.shown import shown
from .._native.words import find_word, find_word_in_prefix, set_words
from ..errors import InvalidRequest

__all__ = ["LONGEST", "SHORTEST", "WORDS", "Firewall"]

WORDS = frozenset(
    """
    ALTER CAST CONVERT CREATE DATABASE DECLARE DELETE DROP EXEC EXECUTE EXISTS FROM GRANT HAVING INSERT INTO JOIN MERGE
    NULL REVOKE SCHEMA SELECT TABLE TRUNCATE UNION UPDATE VALUES WAITFOR WHERE
    """.split()
)
SHORTEST, LONGEST = 4, 8

set_words(WORDS)


class Firewall:
    """What a client does about SQL keywords in texts of the caller's: ``connect(waf_guard=…)``.

    Attributes:
        guards: whether texts are searched at all.
    """

    def __init__(self, guard: str) -> None:
        self.guards = guard != "off"
        self._refuses = guard == "refuse"
        self._reported: set[tuple[str, str]] = set()

    def found(self, method: str, name: str, text: str, word: str) -> None:
        """Report that the parameter ``name`` holds a keyword: as a warning, once for each parameter and word.

        Raises:
            InvalidRequest: with ``waf_guard="refuse"``.
        """
        message = (
            f"{method}: {name} {shown(text)} holds {word}, an SQL keyword for which Binance's firewall may block the"
            " request (status 403); see waf_guard of fastws.connect()"
        )
        if self._refuses:
            raise InvalidRequest(message)
        if (name, word) not in self._reported:
            self._reported.add((name, word))
            logger.warning("%s", message)

    def check(self, method: str, name: str, text: object) -> None:
        """Search the parameter ``name`` of a method, and report what is found."""
        word = find_word(text) if self.guards and isinstance(text, str) else None
        if word is not None:
            self.found(method, name, str(text), word)

    def check_prefix(self, prefix: str) -> None:
        """Search a prefix of client order ids, and report what is found."""
        word = find_word_in_prefix(prefix) if self.guards else None
        if word is not None:
            self.found("connect", "client_order_id_prefix", prefix, word)
