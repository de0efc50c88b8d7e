# Writes texts of JSON, hexadecimal and base64 as bytes, without a Python object and without a call.
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

cdef extern from * nogil:
    """
    /* What a byte of a text needs in JSON: 0 nothing, 1 a backslash, 2 it is refused (control characters). */
    static const unsigned char fastws_escape[256] = {
        2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,
        2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,
        ['"'] = 1, ['\\\\'] = 1, [127] = 2,
    };
    static const char fastws_hex[] = "0123456789abcdef";
    static const char fastws_base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    """
    const unsigned char fastws_escape[256]
    const char* fastws_hex
    const char* fastws_base64


cdef inline uint64_t special(uint64_t word) noexcept nogil:
    """Not 0 where one of eight bytes is a control character, a quote or a backslash: what no text can hold as it is."""
    cdef uint64_t ones = 0x0101010101010101
    cdef uint64_t quote = word ^ (ones * 0x22)
    cdef uint64_t backslash = word ^ (ones * 0x5C)
    cdef uint64_t delete = word ^ (ones * 0x7F)
    # a borrow can mark a byte above a marked one, so the sum is right as a yes or no
    return (
        ((word - ones * 0x20) & ~word)
        | ((quote - ones) & ~quote)
        | ((backslash - ones) & ~backslash)
        | ((delete - ones) & ~delete)
    ) & (ones * 0x80)


cdef inline bint copy_plain(char* to, const char* text, Py_ssize_t size) noexcept nogil:
    """Copy an ASCII text; tell whether JSON takes it as it is. Neither reads nor writes beyond `size`."""
    cdef uint64_t word
    cdef uint64_t found = 0
    cdef uint32_t first
    cdef uint32_t last
    cdef Py_ssize_t i = 0
    if size >= 8:
        while i < size - 8:
            memcpy(&word, text + i, 8)
            memcpy(to + i, &word, 8)
            found |= special(word)
            i += 8
        memcpy(&word, text + size - 8, 8)       # overlaps the one before
        memcpy(to + size - 8, &word, 8)
        return (found | special(word)) == 0
    if size >= 4:
        memcpy(&first, text, 4)
        memcpy(&last, text + size - 4, 4)
        memcpy(to, &first, 4)
        memcpy(to + size - 4, &last, 4)
        return special((<uint64_t>last << 32) | first) == 0
    while i < size:
        to[i] = text[i]
        found |= fastws_escape[<uint8_t>text[i]]
        i += 1
    return found == 0


cdef inline bint copy_decimal(char* to, const char* text, Py_ssize_t size) noexcept nogil:
    """Copy a text; return whether it is -?[0-9]+(.[0-9]+)?"""
    cdef Py_ssize_t i = 0
    cdef int dots = 0
    cdef int others = 0
    cdef uint8_t byte
    if size and text[0] == c"-":
        to[0] = c"-"
        i = 1
    if i == size or not c"0" <= text[i] <= c"9" or not c"0" <= text[size - 1] <= c"9":
        return False
    # between two digits there is at most one dot, and else only digits; without a branch for each byte
    while i < size:
        byte = <uint8_t>text[i]
        to[i] = <char>byte
        dots += byte == c"."
        others += <uint8_t>(byte - 48) > 9
        i += 1
    return others == dots <= 1


cdef inline void put_hexadecimal(char* to, const uint8_t* data, Py_ssize_t size) noexcept nogil:
    """Write two digits for each byte, in lower case."""
    cdef Py_ssize_t i
    for i in range(size):
        to[2 * i] = fastws_hex[data[i] >> 4]
        to[2 * i + 1] = fastws_hex[data[i] & 15]


cdef inline Py_ssize_t put_base64(char* to, const uint8_t* data, Py_ssize_t size) noexcept nogil:
    """Write four characters for three bytes, with padding; return how many characters."""
    cdef Py_ssize_t i = 0
    cdef Py_ssize_t left
    cdef uint32_t bits
    cdef char* start = to
    while i < size:
        left = size - i
        bits = <uint32_t>data[i] << 16
        if left > 1:
            bits |= <uint32_t>data[i + 1] << 8
        if left > 2:
            bits |= data[i + 2]
        to[0] = fastws_base64[bits >> 18]
        to[1] = fastws_base64[bits >> 12 & 63]
        to[2] = fastws_base64[bits >> 6 & 63] if left > 1 else c"="
        to[3] = fastws_base64[bits & 63] if left > 2 else c"="
        to += 4
        i += 3
    return to - start
