"""The texts of the wrappers, made from the table: what ``help(client.order_place)`` shows."""

from __future__ import annotations

import textwrap

from .. import codes
from .parameters import AUTH, PARAMETERS, meaning, values
from .table import Method

_KINDS = {
    "TEXT": "str",
    "DECIMAL": "str, int or Decimal",
    "INTEGER": "int",
    "BOOLEAN": "bool",
    "LIST": "list of str",
    "WINDOW": "int, float, str or Decimal",
}

_OPTIONS = """\
Options:
    on_reply: fn(result, error), called inside the read callback, in place of a future.
    timeout: seconds until a request without a reply ends.
    urgent: whether it is written at once, and not corked.
    signer: another key to sign this one request with (made by load_signer()).
"""

_RESPONSES = {
    "ACK": 'newOrderRespType="ACK"',
    "RESULT": 'newOrderRespType="RESULT"',
    "FULL": 'newOrderRespType="FULL"',
    "symbol": "of one symbol",
    "symbols": "of several",
    "MINI": 'each with type="MINI"',
    "set": "where there is one, or was",
    "unset": "where there never was",
    "order": "of an order",
    "list": "where the order is the leg of a list",
}


_SUBSCRIBING = (
    "on_event: called with each event, in the order of the wire, inside the read callback: it should be short, for it"
    " holds up what the connection reads next. eventStreamTerminated is the last one. An event that cannot be read goes"
    " to the event loop's exception handler. Without on_event, events are buffered, for ``async for``.",
    "buffer: events that the buffer may hold.",
    'on_overflow: what an event does that finds the buffer full. "error": the consumer gets an EventOverflow in its'
    ' place. "close": the subscription is ended as well. Or a function, which is called with (subscription, event)'
    " instead of both, inside the read callback; where it makes room by ``take_all()``, the event is buffered.",
)

_SUBSCRIPTIONS = {
    "userDataStream.subscribe": (
        "It needs a connection that is logged on by ``session.logon``, with an Ed25519 key; with another key, use"
        " ``user_data_stream_subscribe_signature``, and this method takes no ``signer``. The plain result comes from"
        ' ``client.request("userDataStream.subscribe")``; the events go to the client\'s ``on_event`` then.'
    ),
    "userDataStream.subscribe.signature": (
        "The key is the client's own, or that of ``signer``. Any kind of key will do, and no logon is needed: one"
        " connection may follow several accounts."
    ),
}


def parameter_line(method: Method, name: str) -> str:
    """A parameter, its type or its values, and what it is: ``side: BUY or SELL``."""
    allowed = values(method.name, name)
    kind = _KINDS[PARAMETERS[name]]
    if allowed:
        *others, last = allowed
        kind = f"{', '.join(others)} or {last}" if others else last
    about = meaning(name)
    return f"{name}: {kind}{'; ' if about else ''}{about}"


def result_text(method: Method) -> str:
    """The type of the result; where there are several, when it is which."""
    if "" in method.results:
        return method.results[""]
    return "; ".join(f"{result} ({_RESPONSES[when]})" for when, result in method.results.items())


def error_texts(method: Method) -> list[str]:
    """The documented error codes of the method, such as ``-1121 BAD_SYMBOL``."""
    return [f"{code} {codes.name(code)}" for code in method.errors]


def describe(method: Method) -> str:
    """The docstring of a method's wrapper."""
    lines = [
        method.summary,
        "",
        "It is sent when this returns. ``await`` the Future, or, for a task's place,",
        f"``asyncio.ensure_future(client.{method.wrapper}(…))``; ``asyncio.create_task`` and",
        "``TaskGroup.create_task`` want a coroutine and refuse it, when it is sent already.",
        "",
        f"Binance's ``{method.name}`` (web-socket-api.md); security {method.security}; weight {method.weight}.",
    ]
    names = dict.fromkeys((*method.required, *method.params))
    if method.subscribes:
        lines += textwrap.wrap(_SUBSCRIPTIONS[method.name], 100)
    if names or method.subscribes:
        lines += ["", "Args:"]
        for text in _SUBSCRIBING if method.subscribes else ():
            lines += _wrapped(text)
        for name in names:
            mark = " (required)" if name in method.required else ""
            for group in method.groups:
                if name in group:
                    mark = f" ({' or '.join(group)} is required)"
            lines += _wrapped(f"{parameter_line(method, name)}{mark}.")
    if method.signed:
        lines += _wrapped(f"{', '.join(AUTH)}: fastws fills them in, by the client's key.")
    if names or method.subscribes:
        lines += _wrapped(parameter_line(method, "returnRateLimits") + ".")
    result = f"a Future of the result: {result_text(method)}"
    if method.subscribes:
        result = (
            "a Future of the Subscription, which exists from the moment its reply is read: no event is lost"
        )
    if method.trading:
        outcome = "ApiError; or ExecutionUnknown: it was sent, and its outcome is open."
    else:
        outcome = "ApiError; or ConnectionLost, RequestTimeout, DecodeError: it may be sent again."
    lines += [
        "",
        "Returns:",
        *_wrapped(f"{result}; with on_reply, the RequestInfo."),
        "",
        "Raises:",
        *_wrapped("by the call: InvalidRequest or NotSent; nothing was sent."),
        *_wrapped(f"by the Future: {outcome}"),
    ]
    if method.errors:
        # a code and its name stay together
        texts = ", ".join(text.replace(" ", "\0") for text in error_texts(method))
        lines += [line.replace("\0", " ") for line in _wrapped(f"Documented codes of ApiError: {texts}.")]
    return "\n".join(lines) + "\n\n" + _OPTIONS


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(
        text,
        100,
        initial_indent="    ",
        subsequent_indent="        ",
        break_long_words=False,
        break_on_hyphens=False,
    )
