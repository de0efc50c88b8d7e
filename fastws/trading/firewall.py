"""SQL keywords in texts of the caller, for which Binance's firewall may block a request: ``connect(waf_guard=…)``.

"Please avoid SQL keywords in requests as they may trigger a security block by a WAF (Web Application Firewall) rule"
(web-socket-api.md, General API Information, as of 2026-07-21). The status of a blocked request is 403. Binance does not
list the keywords, so this list is an assumption of fastws. It has the words that begin an SQL statement, or a clause
that SQL injections use, because rules of firewalls look for these. It leaves out

* words of Binance's own names and values (ORDER, LIMIT, SET, KEY, TYPE, TIME, ALL …): the firewall must let them pass;
* words that traders use in ids (GROUP, OPEN, CLOSE, TOP, MIN, MAX, TRIGGER, INDEX, COMMIT, CROSS …);
* words of fewer than four letters (OR, AND, NOT, ADD …): random ids, and hexadecimal digits, contain them by chance.

A keyword counts if no other letter is next to it, in upper or lower case: ``drop-1``, ``my_UPDATE_7`` and ``select1``
contain one; ``backdrop``, ``dropper`` and ``SelectedOrder`` do not. These texts are searched: client order ids of the
caller (``FREE_TEXTS`` in methods/parameters.py: newClientOrderId, origClientOrderId, listClientOrderId, …), texts of
parameters that fastws does not know, and connect(client_order_id_prefix=…). Symbols, enums and numbers are not
searched, nor the random part of the ids that fastws generates: it has no vowels, so it contains no keyword.
"""

from __future__ import annotations

from .._common.log import logger
from .._common.shown import shown
from .._native.firewall_words import find_word, find_word_in_prefix, set_words
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
    """Searches texts of the caller for SQL keywords, for one client, as ``connect(waf_guard=…)`` says.

    Attributes:
        guards: whether texts are searched at all.
    """

    def __init__(self, guard: str) -> None:
        self.guards = guard != "off"
        self._refuses = guard == "refuse"
        self._reported: set[tuple[str, str]] = set()

    def report(self, method: str, name: str, text: str, word: str) -> None:
        """Report that the parameter ``name`` contains a keyword: log a warning, once for each parameter and keyword.

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
            logger.warning("%s", message, code="firewall-word")

    def check(self, method: str, name: str, text: object) -> None:
        """Search the parameter ``name`` of a method, and report a keyword in it, as found() does."""
        word = find_word(text) if self.guards and isinstance(text, str) else None
        if word is not None:
            self.report(method, name, str(text), word)

    def check_prefix(self, prefix: str) -> None:
        """Search a prefix of client order ids, and report a keyword in it, as found() does."""
        word = find_word_in_prefix(prefix) if self.guards else None
        if word is not None:
            self.report("connect", "client_order_id_prefix", prefix, word)
