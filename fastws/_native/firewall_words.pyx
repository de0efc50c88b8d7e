# cython: language_level=3
"""Finds SQL keywords in a text: one pass over its bytes, and no Python object.

In: the list of words, once, from trading/firewall.py; ASCII bytes, or a str. Out: whether a word of the list stands
there, alone among letters, in any case.
Memory: the words are numbers, in a table that set_words() fills. It does not fail.
"""

from cpython.unicode cimport PyUnicode_AsUTF8AndSize
from libc.stdint cimport uint64_t

import re

cdef:
    enum:
        SHORT = 4       # letters of the shortest word
        LONG = 8        # letters of the longest one: a word is the bytes of a uint64
        ROOM = 64

    uint64_t _words[ROOM]
    int _count = 0


_known = frozenset()


def set_words(words not None):
    """Look for these words from now on: a set of texts of 4 to 8 capital letters each."""
    global _count, _known
    if len(words) > ROOM or not all(SHORT <= len(word) <= LONG for word in words):
        raise ValueError("the list of words is beyond what firewall_words.pyx can hold")
    _count = 0
    for word in words:
        _words[_count] = int.from_bytes(word.lower().encode(), "big")
        _count += 1
    _known = frozenset(words)


cdef bint holds_word(const char* text, Py_ssize_t size) noexcept nogil:
    cdef:
        Py_ssize_t i
        Py_ssize_t run = 0      # letters in a row up to here
        uint64_t word = 0       # the last eight of them, in lower case
        unsigned char letter
    for i in range(size + 1):
        letter = <unsigned char>text[i] | 0x20 if i < size else 0
        if c"a" <= letter <= c"z":
            word = word << 8 | letter
            run += 1
        elif run:
            if SHORT <= run <= LONG and _is_word(word):
                return True
            run = 0
            word = 0
    return False


cdef inline bint _is_word(uint64_t word) noexcept nogil:
    cdef int i
    for i in range(_count):
        if _words[i] == word:
            return True
    return False


def find_word(text not None):
    """The SQL keyword that a text holds, in upper case; None where it holds none."""
    cdef str exact = text if type(text) is str else str.__str__(text)
    cdef Py_ssize_t size = 0
    cdef const char* data
    if exact.isascii():
        data = PyUnicode_AsUTF8AndSize(exact, &size)
        if not holds_word(data, size):
            return None
    return next((run.upper() for run in re.findall("[A-Za-z]+", exact) if run.upper() in _known), None)


def find_word_in_prefix(text not None):
    """The same for a text behind which fastws writes random letters, which could make a word of its end."""
    found = find_word(text)
    if found is not None:
        return found
    end = re.search("[A-Za-z]*$", text)[0].upper()
    for word in sorted(_known):
        if end and word.startswith(end) and not set(word[len(end):]) & set("AEIOU"):
            return word
    return None
