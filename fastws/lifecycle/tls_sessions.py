"""TLS sessions: a new connection to a host offers the session of the last one, so its handshake is a short one.

A session is kept by the SSL context and the host that it was made with, and offered for no other. A server that does
not take it makes a full handshake. Each engine of TLS needs its own way to offer a session before the handshake begins:

- The event loops' own: they call ``wrap_bio()`` of the context. So they get a context whose ``wrap_bio()`` asks the
  real one, and sets the session.
- aiofastnet: it calls OpenSSL itself. OpenSSL tells a callback of the context that a handshake begins, and with which
  ``SSL``. The callback is set directly before aiofastnet begins, and set back in it.

A context that wraps connections in its own way, as that of truststore, gets no session: it may want to see
certificates, which the server of a resumed session does not send.
"""

from __future__ import annotations

import asyncio
import ctypes
import ssl
import threading
import weakref
from collections.abc import Callable
from typing import Any

__all__ = ["NativeOffer", "Offer", "Sessions", "wraps_itself"]

_HANDSHAKE_START = 0x10  # SSL_CB_HANDSHAKE_START of OpenSSL


def wraps_itself(context: ssl.SSLContext) -> bool:
    """Whether a context has its own way to wrap a connection."""
    return getattr(type(context).wrap_bio, "__module__", "") != "ssl"


class Sessions:
    """The sessions of the connections of one Opener."""

    def __init__(self) -> None:
        self._kept: dict[tuple[Any, ...], Any] = {}
        self._wrappers: dict[int, _OfferingContext] = {}

    def offering(self, context: ssl.SSLContext) -> ssl.SSLContext:
        """The context that an event loop's own TLS uses in place of this one."""
        if wraps_itself(context):
            return context
        wrapper = self._wrappers.get(id(context))
        if wrapper is None:
            wrapper = self._wrappers[id(context)] = _OfferingContext(context, self)
        return wrapper

    def find(self, context: ssl.SSLContext, host: str) -> Any:
        """The session to offer to a host; None without one."""
        return self._kept.get(_key(context, host))

    def keep(self, context: ssl.SSLContext, host: str, session: Any) -> None:
        """Offer this session, if there is one, the next time. The context must live as long as this object."""
        if session is not None:
            self._kept[_key(context, host)] = session

    def forget(self, context: ssl.SSLContext, host: str) -> None:
        """Offer no session the next time: an attempt to connect failed, or took too long."""
        self._kept.pop(_key(context, host), None)


def _key(context: ssl.SSLContext, host: str) -> tuple[Any, ...]:
    """What a session depends on: with another verification of the certificate, it would not have been made."""
    return id(context), host, context.verify_mode, context.check_hostname


class _OfferingContext(ssl.SSLContext):
    """Stands for another context before asyncio and uvloop, which only call wrap_bio()."""

    _real: ssl.SSLContext
    _sessions: weakref.ref[Sessions]

    def __new__(cls, real: ssl.SSLContext, sessions: Sessions) -> _OfferingContext:
        made: _OfferingContext = super().__new__(cls, ssl.PROTOCOL_TLS_CLIENT)
        made._real = real
        made._sessions = weakref.ref(sessions)  # which owns this object
        return made

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        sessions = self._sessions()
        if session is None and sessions is not None:
            session = sessions.find(self._real, str(server_hostname))
        return self._real.wrap_bio(incoming, outgoing, server_side, server_hostname, session)


class Offer:
    """A session that the loop's own TLS offers for one connection, and the one that this connection gets."""

    def __init__(self, sessions: Sessions, context: ssl.SSLContext, host: str) -> None:
        self.sessions = sessions
        self.context = context
        self.host = host

    def arm(self) -> None:
        """The handshake begins directly behind this call."""

    def arm_soon(self, loop: asyncio.AbstractEventLoop) -> None:
        """The handshake begins in what is scheduled directly behind this call."""

    def keep(self, transport: Any) -> None:
        """The connection is open, and the first bytes of the server came: its tickets are in front of them."""
        session = getattr(transport.get_extra_info("ssl_object"), "session", None)
        if session is not None and (session.has_ticket or session.id):
            self.sessions.keep(self.context, self.host, session)

    def failed(self) -> None:
        """There is no connection."""
        self.sessions.forget(self.context, self.host)


class NativeOffer(Offer):
    """The same for aiofastnet, which calls OpenSSL itself.

    Args:
        library: where aiofastnet found OpenSSL.
    """

    def __init__(self, sessions: Sessions, context: ssl.SSLContext, host: str, library: str) -> None:
        super().__init__(sessions, context, host)
        self._openssl = _openssl(library)
        # CPython's PySSLContext begins with its head and the SSL_CTX; aiofastnet reads it in the same way.
        self._native = ctypes.c_void_p.from_address(id(context) + object.__basicsize__).value
        self._before: int | None = None  # the callback that the context had
        self._ssl: int | None = None

    def arm(self) -> None:
        openssl = self._openssl
        before = openssl.SSL_CTX_get_info_callback(self._native)
        self._before = None if before == openssl.callback_address else before
        _armed[threading.get_ident()] = self
        openssl.SSL_CTX_set_info_callback(self._native, openssl.callback_address)
        asyncio.get_running_loop().call_soon(self._disarm)

    def arm_soon(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.call_soon(self.arm)

    def _disarm(self) -> None:
        if _armed.get(threading.get_ident()) is self:
            del _armed[threading.get_ident()]
            self._openssl.SSL_CTX_set_info_callback(self._native, self._before)

    def begins(self, native: int) -> None:
        """OpenSSL begins the handshake of this ``SSL``."""
        openssl = self._openssl
        if openssl.SSL_get_SSL_CTX(native) != self._native:
            return  # that of another context of this thread
        self._disarm()
        self._ssl = native
        session = self.sessions.find(self.context, self.host)
        if session is not None and session.address:
            openssl.SSL_set_session(native, session.address)

    def keep(self, transport: Any) -> None:
        # The transport owns the SSL, so it lives.
        openssl = self._openssl
        original = openssl.SSL_get1_session(self._ssl) if self._ssl is not None else None
        if original:
            # A copy, because OpenSSL makes the session of a connection that is reset unusable.
            if openssl.SSL_SESSION_is_resumable(original):
                copy = _NativeSession(openssl, openssl.SSL_SESSION_dup(original))
                self.sessions.keep(self.context, self.host, copy)
            openssl.SSL_SESSION_free(original)
        self._ssl = None


class _NativeSession:
    """An SSL_SESSION of OpenSSL, which it owns."""

    def __init__(self, openssl: _OpenSSL, address: int | None) -> None:
        self.address = address
        self._free = openssl.SSL_SESSION_free

    def __del__(self) -> None:
        if self.address:
            self._free(self.address)


class _OpenSSL:
    """The functions of OpenSSL that NativeOffer calls, of the library that Python's ssl module uses."""

    def __init__(self, library: str) -> None:
        openssl = ctypes.CDLL(library)
        pointer, number = ctypes.c_void_p, ctypes.c_int

        def function(name: str, result: Any, *arguments: Any) -> Callable[..., Any]:
            found = getattr(openssl, name)
            found.restype, found.argtypes = result, arguments
            return found  # type: ignore[no-any-return]

        self.SSL_CTX_get_info_callback = function("SSL_CTX_get_info_callback", pointer, pointer)
        self.SSL_CTX_set_info_callback = function("SSL_CTX_set_info_callback", None, pointer, pointer)
        self.SSL_get_SSL_CTX = function("SSL_get_SSL_CTX", pointer, pointer)
        self.SSL_get1_session = function("SSL_get1_session", pointer, pointer)
        self.SSL_set_session = function("SSL_set_session", number, pointer, pointer)
        self.SSL_SESSION_dup = function("SSL_SESSION_dup", pointer, pointer)
        self.SSL_SESSION_free = function("SSL_SESSION_free", None, pointer)
        self.SSL_SESSION_is_resumable = function("SSL_SESSION_is_resumable", number, pointer)
        self._callback = ctypes.CFUNCTYPE(None, pointer, number, number)(_on_info)
        self.callback_address = ctypes.cast(self._callback, pointer).value


_loaded: dict[str, _OpenSSL] = {}
# The offers whose handshake is about to begin, by thread.
_armed: dict[int, NativeOffer] = {}


def _openssl(library: str) -> _OpenSSL:
    """The functions of this library; they and the callback are never freed."""
    if library not in _loaded:
        _loaded[library] = _OpenSSL(library)
    return _loaded[library]


def _on_info(native: int, where: int, value: int) -> None:
    """Called by OpenSSL at each step of a handshake, in the thread that makes it."""
    if where == _HANDSHAKE_START:
        offer = _armed.get(threading.get_ident())
        if offer is not None:
            offer.begins(native)
