"""The docstrings of the wrappers, made from the table: ``help(client.order_place)`` shows them."""

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
    on_reply: called as on_reply(result, error) inside the read callback; there is no Future then.
    timeout: seconds until the request without a reply ends.
    urgent: whether the request is written at once, and not corked.
    signer: another key that signs this request (made by load_signer()).
"""

_RESPONSES = {
    "ACK": 'newOrderRespType="ACK"',
    "RESULT": 'newOrderRespType="RESULT"',
    "FULL": 'newOrderRespType="FULL"',
    "symbol": "for one symbol",
    "symbols": "for several symbols",
    "MINI": 'for each symbol with type="MINI"',
    "set": "if the symbol has, or had, a reference price",
    "unset": "if the symbol never had one",
    "order": "for an order",
    "list": "if the order belongs to an order list",
}


_SUBSCRIBING = (
    "on_event: called with each event, in the order in which the exchange sent them, inside the read callback. Keep it"
    " short: the connection reads nothing while it runs. eventStreamTerminated is the last event. For an event that"
    " cannot be read, the event loop's exception handler is called. Without on_event, events are buffered for"
    " ``async for``.",
    "buffer: how many events the buffer can hold.",
    'on_overflow: what happens to an event for which the buffer has no room. "error": the event is lost, and the'
    ' consumer gets an EventOverflow in its place. "close": the subscription is ended as well. A function: it is called'
    " with (subscription, event) inside the read callback; if it makes room by ``take_all()``, the event is buffered.",
)

_SUBSCRIPTIONS = {
    "userDataStream.subscribe": (
        "The connection must be logged on by ``session.logon``, with an Ed25519 key. This method takes no ``signer``:"
        " for another key, use ``user_data_stream_subscribe_signature``."
        " ``client.request(\"userDataStream.subscribe\")`` returns Binance's own result; then the client's ``on_event``"
        " gets the events."
    ),
    "userDataStream.subscribe.signature": (
        "It subscribes for the account of the client's own key, or of ``signer``. The key may be of any kind, and no"
        " logon is needed, so that one connection can receive the events of several accounts."
    ),
}


def parameter_line(method: Method, name: str) -> str:
    """A parameter, its type or its values, and its meaning: ``side: BUY or SELL``."""
    allowed = values(method.name, name)
    kind = _KINDS[PARAMETERS[name]]
    if allowed:
        *others, last = allowed
        kind = f"{', '.join(others)} or {last}" if others else last
    about = meaning(name)
    return f"{name}: {kind}{'; ' if about else ''}{about}"


def result_text(method: Method) -> str:
    """The type of the result; if there are several types, with the condition of each."""
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
        "The request is sent when this returns. ``await`` the Future, or pass it to",
        "``asyncio.ensure_future``. Do not pass it to ``asyncio.create_task``, which accepts only",
        "coroutines: it raises, but the request is already sent.",
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
        lines += _wrapped(f"{', '.join(AUTH)}: fastws adds them, with the client's key.")
    if names or method.subscribes:
        lines += _wrapped(parameter_line(method, "returnRateLimits") + ".")
    result = f"a Future of the result: {result_text(method)}"
    if method.subscribes:
        result = (
            "a Future of the Subscription; it receives every event after the reply, before you await it, too"
        )
    if method.trading:
        outcome = "ApiError; or ExecutionUnknown: the request was sent, and its outcome is unknown."
    else:
        outcome = "ApiError; or ConnectionLost, RequestTimeout, DecodeError: the request can be repeated."
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


_WIDTH = 100
_INDENT = "    "
_WRAPPER = textwrap.TextWrapper(
    _WIDTH,
    initial_indent=_INDENT,
    subsequent_indent=2 * _INDENT,
    break_long_words=False,
    break_on_hyphens=False,
)


def _wrapped(text: str) -> list[str]:
    if len(text) <= _WIDTH - len(
        _INDENT
    ):  # most texts: wrapping takes a tenth of the time of `import fastws`
        return [_INDENT + text]
    return _WRAPPER.wrap(text)
