# cython: language_level=3
"""Views: results that decode a field when it is read. The base class of the Views over SBE and JSON: a Mapping.

In: a key. Out: the value of that field, decoded now.
Memory: a View owns a copy of its bytes; the Views within it share them. A View can outlive its session.
Failure: KeyError for an absent key; SbeError or JsonError if the bytes of the field are not valid.
"""

cimport cython

from collections.abc import Mapping

from ..errors import DecodeError

cdef object MISSING = object()


# Views refer to bytes and to the Views around them, never in a cycle: the garbage collector need not track them.
@cython.no_gc
@cython.collection_type("mapping")
cdef class View:
    """A read-only Mapping over received bytes: ``view["orderId"]`` decodes that field, ``to_dict()`` all of them."""

    cdef object _find(self, object key):
        """The value of a key, or MISSING."""
        raise NotImplementedError

    cpdef dict to_dict(self):
        """All fields, as a plain dict."""
        raise NotImplementedError

    def __getitem__(self, key):
        value = self._find(key)
        if value is MISSING:
            raise KeyError(key)
        return value

    def get(self, key, default=None):
        """The value of a key, or the default."""
        value = self._find(key)
        return default if value is MISSING else value

    def __contains__(self, key):
        return self._find(key) is not MISSING

    def __iter__(self):
        return iter(self.to_dict())

    def __len__(self):
        return len(self.to_dict())

    def keys(self):
        """The keys that are there."""
        return self.to_dict().keys()

    def values(self):
        """The values, decoded."""
        return self.to_dict().values()

    def items(self):
        """Keys and decoded values."""
        return self.to_dict().items()

    def __eq__(self, other):
        if isinstance(other, View):
            other = (<View>other).to_dict()
        return self.to_dict() == other if isinstance(other, Mapping) else NotImplemented

    __hash__ = None

    def __repr__(self):
        try:
            return f"{type(self).__name__}({self.to_dict()!r})"
        except DecodeError as exc:      # a log line must not fail
            return f"<{type(self).__name__} that cannot be read: {exc}>"

    def __reduce__(self):
        # another process gets a plain dict
        return dict, (self.to_dict(),)


Mapping.register(View)
