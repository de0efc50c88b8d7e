# cython: language_level=3
"""JSON messages -> Python objects, by the standard library for now; _json.pxd is the face that stays."""
import json
from .errors import JsonError
cdef class Decoder:
    def __init__(self, numbers="str"):
        pass
    cdef int begin(self, const char* data, Py_ssize_t size, Envelope* env) noexcept:
        try:
            self.doc = json.loads(data[:size])
        except Exception:
            env.id_kind = ID_ABSENT
            return 1
        d = self.doc
        env.limits_at = -1
        env.status = d.get("status", 0)
        if "id" not in d: env.id_kind = ID_ABSENT
        elif d["id"] is None: env.id_kind = ID_NULL
        elif isinstance(d["id"], int):
            env.id_kind = ID_INT
            env.id = d["id"]
        else: env.id_kind = ID_OTHER
        env.subscription = -1
        if "event" in d: env.payload = PAYLOAD_EVENT
        elif "result" in d: env.payload = PAYLOAD_RESULT
        elif "error" in d: env.payload = PAYLOAD_ERROR
        else: env.payload = PAYLOAD_NONE
        return 0
    cdef object value(self, Envelope* env, int shape):
        d = self.doc
        return d.get("event", d.get("result", d.get("error")))
    cdef int end(self, Envelope* env) except -1:
        return 0
    cdef int limits(self, Envelope* env, RateLimit* out, int capacity) noexcept:
        return 0
    cdef object error(self, int code):
        return JsonError("bad", 0)
def loads(data, *, numbers="str"):
    return json.loads(data)
