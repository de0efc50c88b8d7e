# Frames -> whole messages; ping and pong; the close handshake; errors of the peer.
from libc.stdint cimport int64_t

from picows.picows cimport WSFrame, WSListener, WSTransport

from .buffer cimport Buffer


cdef enum ConnectionState:
    OPENING = 0
    OPEN = 1
    CLOSING = 2     # a close frame was sent
    CLOSED = 3      # all requests have ended


cdef class FrameListener(WSListener):
    cdef:
        readonly int number             # of the connection in its session; 0 without one
        bint frames_shown               # each frame goes to the frame log
        bint close_shown                # ... and so did the close frame of fastws
        readonly WSTransport transport
        object loop
        int state                       # ConnectionState
        readonly object close_reason    # str, from when the connection is lost or closing
        bint in_read                    # picows' read callback runs
        bint paused                     # the transport's buffer is full
        Py_ssize_t max_message
        Py_ssize_t max_output           # how many bytes may wait for the peer to read them
        int message_type                   # WSMsgType of whole messages: TEXT, or BINARY for SBE
        Buffer partial
        bint fragmented
        bint binary                     # the type of the fragmented message
        readonly int pings
        int64_t read_at                 # when the last frame was read, monotonic ns; as the times that follow
        int64_t probed_at               # when fastws sent a ping
        int64_t probe_due               # when its pong is due; 0 for none
        int64_t probe_within            # ns that the answer may take
        Py_ssize_t probe_waiting        # how many bytes waited in front of the ping
        str probe_reason                # why the connection is lost, if no pong comes

    # Connection overrides these.
    cdef int on_message(self, const char* data, Py_ssize_t size, bint binary) except -1
    cdef int on_read_start(self) except -1
    cdef int on_read_end(self) except -1
    cdef int flush_corked(self) except -1
    cdef int on_finish(self) except -1
    cdef object known_keys(self)
    cdef int show_frame(self, bint sent, int kind, bytes payload, bint fin=*) except -1
    cdef _answer_close(self, int code)
    cdef _send_close(self, int code, str reason)
