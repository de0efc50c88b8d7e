# cython: language_level=3
"""Frames -> whole messages; the answers to pings; the close handshake; errors of the peer.

In: picows calls on_ws_frame() with each frame, in order. Out: on_message() for each whole message, text or binary.
Memory: the payload of a frame is valid during the callback; 64 readable bytes follow each message. A message of several
frames is joined in a buffer of the connection.
A pong counts as output: a peer that pings, and leaves more than max_output bytes unread, is taken for dead.
Failure: fail() ends the connection with a close code and a reason; finish() ends its requests with that reason. picows
itself refuses bad opcodes, masked frames, frames that are too long, and fragmented control frames.
"""

from cpython.bytes cimport PyBytes_AS_STRING
from libc.string cimport memcpy, memset

from picows.picows cimport WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport

from .buffer cimport Buffer
from .clock cimport monotonic_ns

from .._common.frame_log import is_wanted, log_frame

cdef enum:
    TAIL = 64       # readable bytes that must stand behind a message


cdef class FrameListener(WSListener):
    """One WebSocket, up to whole messages; its subclass Connection reads them."""

    def __cinit__(self):
        self.state = OPENING
        self.message_type = WSMsgType.TEXT
        self.partial = Buffer(64)

    # --------------------------------------------------------------------------------------------- hot

    cpdef on_ws_frame(self, WSTransport transport, WSFrame frame):
        if self.state != CLOSED:
            if not self.in_read:
                self.in_read = True
                self.on_read_start()
            if self.frames_shown:
                self.show_frame(False, frame.msg_type, frame.get_payload_as_bytes(), frame.fin)
            if (
                frame.msg_type == self.message_type and frame.fin and not self.fragmented
                and not (frame.rsv1 | frame.rsv2 | frame.rsv3) and frame._payload_obj is None
                and frame.payload_size <= self.max_message
            ):
                self.on_message(frame.payload_ptr, frame.payload_size, frame.msg_type == WSMsgType.BINARY)
            else:
                self._other_frame(frame)
        if frame.last_in_buffer and self.in_read:
            self.in_read = False
            self.on_read_end()

    # -------------------------------------------------------------------------------------------- cold

    cdef int on_message(self, const char* data, Py_ssize_t size, bint binary) except -1:
        """Read a whole message; its bytes are valid until this returns."""
        return 0

    cdef int on_read_start(self) except -1:
        """The first frame of a read callback is about to be read."""
        return 0

    cdef int on_read_end(self) except -1:
        """The last frame of a read callback was read."""
        return 0

    cdef int flush_corked(self) except -1:
        """Write the corked requests, before a control frame is written."""
        return 0

    cdef int on_finish(self) except -1:
        """The connection has ended: no message comes any more."""
        return 0

    cdef object known_keys(self):
        """The API keys that the frame log masks."""
        return ()

    cdef int show_frame(self, bint sent, int kind, bytes payload, bint fin=True) except -1:
        """Show a frame in the frame log, which raises nothing."""
        log_frame(self.number, sent, kind, payload, fin, self.known_keys())
        return 0

    def update_frame_log(self):
        """Show the frames from now on, or show them no longer, as the level of the logger ``fastws.wire`` says."""
        self.frames_shown = is_wanted()

    def _other_frame(self, WSFrame frame):
        """Read a frame that is not a whole message of the connection's own type."""
        cdef int kind = frame.msg_type
        cdef bytes payload
        cdef Py_ssize_t waiting
        self.read_at = monotonic_ns()
        if frame.rsv1 or frame.rsv2 or frame.rsv3:
            self.fail(WSCloseCode.PROTOCOL_ERROR, "a frame with a reserved bit set, but no extension was agreed on")
        elif kind == WSMsgType.PING:
            self.pings += 1
            self.flush_corked()
            waiting = self.transport.underlying_transport.get_write_buffer_size()
            if waiting > self.max_output:
                self.abort()
                self.finish(f"the exchange reads nothing: {waiting} bytes wait for it, more than {self.max_output}")
            else:
                payload = frame.get_payload_as_bytes()
                if self.frames_shown:
                    self.show_frame(True, WSMsgType.PONG, payload)
                try:
                    self.transport.send_pong(payload)
                except Exception as exc:
                    self.write_failed(exc)
        elif kind == WSMsgType.PONG:
            self.probe_due = 0
        elif kind == WSMsgType.CLOSE:
            self._closed_by_peer(frame)
        elif frame.payload_size > self.max_message:
            # picows refuses such a frame at its header, but delivers it if the rest comes before the connection ends
            self.fail(WSCloseCode.MESSAGE_TOO_BIG, f"a message of more than {self.max_message} bytes")
        elif kind == WSMsgType.CONTINUATION:
            if not self.fragmented:
                self.fail(WSCloseCode.PROTOCOL_ERROR, "a continuation frame without a message to continue")
            else:
                self._fragment(frame)
        elif self.fragmented:
            self.fail(WSCloseCode.PROTOCOL_ERROR, "a new message within a fragmented one")
        elif kind == WSMsgType.BINARY and self.message_type != WSMsgType.BINARY:
            self.fail(WSCloseCode.UNSUPPORTED_DATA, "a binary message on a connection that speaks JSON")
        elif not frame.fin:
            self.fragmented = True
            self.binary = kind == WSMsgType.BINARY
            self.partial.size = 0
            self._fragment(frame)
        else:
            # text on an SBE connection; or a frame of picows' tests, which has no readable bytes behind it
            payload = frame.get_payload_as_bytes() + bytes(TAIL)
            self.on_message(PyBytes_AS_STRING(payload), frame.payload_size, kind == WSMsgType.BINARY)

    def _fragment(self, WSFrame frame):
        cdef Buffer message = self.partial
        if message.size + frame.payload_size > self.max_message:
            self.fail(WSCloseCode.MESSAGE_TOO_BIG, f"a message of more than {self.max_message} bytes")
            return
        message.reserve(frame.payload_size + TAIL)
        memcpy(message.data + message.size, frame.payload_ptr, frame.payload_size)
        message.size += frame.payload_size
        if frame.fin:
            self.fragmented = False
            self.partial = Buffer(64)
            memset(message.data + message.size, 0, TAIL)
            self.on_message(message.data, message.size, self.binary)

    cpdef on_ws_connected(self, WSTransport transport):
        self.transport = transport
        self.update_frame_log()
        # close_reason says what broke the connection: asyncio need not log an exception that is not retrieved
        transport.disconnected_future.add_done_callback(_retrieved)
        if self.state == OPENING:
            self.state = OPEN
            self.read_at = monotonic_ns()
        else:
            transport.disconnect(False)     # abandon() was called

    cpdef on_ws_disconnected(self, WSTransport transport):
        handshake = transport.close_handshake
        if self.frames_shown and not self.close_shown and handshake is not None and handshake.sent is not None:
            # picows itself refused a frame
            payload = (<int>handshake.sent.code).to_bytes(2, "big") + (handshake.sent.reason or "").encode()
            self.show_frame(True, WSMsgType.CLOSE, payload)
        self.finish(self._reason(transport))

    def ping(self):
        """Write the corked requests, then a ping."""
        self.flush_corked()
        if self.state != OPEN:
            return      # writing failed
        if self.frames_shown:
            self.show_frame(True, WSMsgType.PING, b"")
        try:
            self.transport.send_ping()
        except Exception as exc:
            self.write_failed(exc)

    cpdef pause_writing(self):
        self.paused = True

    cpdef resume_writing(self):
        self.paused = False

    def close(self, int code=1000, str reason=""):
        """Write the corked requests, then a close frame."""
        if self.state != OPEN:
            return
        self.flush_corked()
        if self.state != OPEN:
            return      # writing failed, which is the close reason
        self.state = CLOSING
        self.close_reason = reason or "the connection was closed by the client"
        self._send_close(code, reason)

    def abandon(self):
        """Give up this connection: if its handshake is still under way, it is cut when it succeeds."""
        if self.state == OPENING:
            self.state = CLOSED
        self.abort()

    def abort(self):
        """End the connection without a close handshake."""
        if self.transport is not None:
            self.transport.disconnect(False)

    def fail(self, int code, str reason):
        """End the connection because of an error of the peer."""
        self.close_reason = f"the exchange broke the protocol: {reason}"
        if not self.transport.is_close_frame_sent:
            self.flush_corked()
            # a close frame carries at most 123 bytes of reason
            self._send_close(code, reason.encode()[:120].decode("utf-8", "ignore"))
        self.loop.call_later(0.01, self.abort)
        self.finish(self.close_reason)

    def finish(self, str reason):
        """End the connection, once: on_finish() ends its requests and streams."""
        if self.state == CLOSED:
            return
        self.state = CLOSED
        self.close_reason = reason
        self.on_finish()
        if self.in_read:    # the last frame of this read callback may not come: picows drops it behind a faulty one
            self.in_read = False
            self.on_read_end()

    def _closed_by_peer(self, WSFrame frame):
        cdef int code = <int>frame.get_close_code()
        text = frame.get_close_reason()
        if self.state == OPEN and frame.payload_size and not _may_be_sent(code):
            self.fail(WSCloseCode.PROTOCOL_ERROR, f"a close frame with the code {code}, which may not be sent")
            return
        if self.state == OPEN:
            said = f" ({text})" if text else ""
            self.close_reason = f"the exchange closed the connection: {code or 'no code'}{said}"
            self._answer_close(code)
        self.transport.disconnect()
        self.finish(self.close_reason)

    def answer_close(self):
        """Answer the peer's close frame, if one was read; what came behind it in the same piece is ignored.

        Returns whether one was read.
        """
        handshake = self.transport.close_handshake
        if handshake is None or handshake.recv is None:
            return False
        self._answer_close(<int>handshake.recv.code)
        return True

    cdef _answer_close(self, int code):
        self.flush_corked()
        self._send_close(code if code else 1000, "")

    cdef _send_close(self, int code, str reason):
        if self.state == CLOSED:
            return      # writing failed
        if self.frames_shown:
            self.close_shown = True
            self.show_frame(True, WSMsgType.CLOSE, code.to_bytes(2, "big") + reason.encode())
        try:
            self.transport.send_close(<WSCloseCode>code, reason)
        except Exception as exc:
            self.write_failed(exc)

    def write_failed(self, error):
        """End the connection, because writing failed."""
        self.abort()
        self.finish(f"writing to the connection failed: {error}")

    def _reason(self, WSTransport transport):
        if self.close_reason is not None:
            return self.close_reason
        handshake = transport.close_handshake
        if handshake is not None and handshake.sent is not None and handshake.sent.reason:
            return f"the connection was given up: {handshake.sent.reason}"
        return "the connection was lost"

    @property
    def is_open(self):
        """Whether requests can be sent."""
        return self.state == OPEN

    @property
    def is_disconnected(self):
        """Whether no socket is open, or any more."""
        return self.transport is None or self.transport.is_disconnected

    async def wait_disconnected(self):
        """Wait until the socket is closed."""
        if self.transport is not None:
            await self.transport.wait_disconnected()


def _retrieved(future):
    if not future.cancelled():
        future.exception()


cdef bint _may_be_sent(int code) noexcept:
    """Whether a close frame may carry this code (RFC 6455, 7.4)."""
    return 3000 <= code < 5000 or (1000 <= code <= 1014 and code != 1004 and code != 1005 and code != 1006)
