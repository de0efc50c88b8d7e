# cython: language_level=3
"""Searches texts for SQL keywords: one pass over the bytes, without a Python object.

In: trading/firewall.py calls set_words() once with the list of words; then ASCII bytes, or a str. Out: whether a word
of the list is in the text, in upper or lower case, and not as a part of a longer word.
Memory: set_words() fills a table, in which words are numbers. Failure: none in a search.
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
    """Set the words to search for: a set of texts of 4 to 8 capital letters each."""
    global _count, _known
    if len(words) > ROOM or not all(SHORT <= len(word) <= LONG for word in words):
        raise ValueError("the list of words does not fit: at most 64 words of 4 to 8 letters each")
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
    """The SQL keyword in a text, in upper case; None if there is none."""
    cdef str exact = text if type(text) is str else str.__str__(text)
    cdef Py_ssize_t size = 0
    cdef const char* data
    if exact.isascii():
        data = PyUnicode_AsUTF8AndSize(exact, &size)
        if not holds_word(data, size):
            return None
    return next((run.upper() for run in re.findall("[A-Za-z]+", exact) if run.upper() in _known), None)


def find_word_in_prefix(text not None):
    """find_word() for a prefix: the random letters that fastws writes behind it could complete a word."""
    found = find_word(text)
    if found is not None:
        return found
    end = re.search("[A-Za-z]*$", text)[0].upper()
    for word in sorted(_known):
        if end and word.startswith(end) and not set(word[len(end):]) & set("AEIOU"):
            return word
    return None
