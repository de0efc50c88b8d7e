# Numbers -> decimal digits in memory, without a Python object. put_…() writes forwards from a pointer; write_…() writes
# backwards, in front of a pointer, and returns where the digits begin.
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from .integers cimport fastws_first_byte_lowest, fastws_lowest_bit

cdef extern from * nogil:
    """
    static const char fastws_pairs[] =
        "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748495051"
        "52535455565758596061626364656667686970717273747576777879808182838485868788899091929394959697989900";
    """
    const char fastws_pairs[]

cdef enum:
    LONGEST_DECIMAL = 200       # bytes: 39 digits, 127 zeros of an exponent, point, and sign


cdef inline char* write_digits(char* to, uint64_t number) noexcept nogil:
    """Write the digits of a number in front of `to`; return where they begin."""
    cdef uint32_t pair
    while number >= 100:
        pair = <uint32_t>(number % 100) * 2
        number //= 100
        to -= 2
        memcpy(to, fastws_pairs + pair, 2)
    if number >= 10:
        to -= 2
        memcpy(to, fastws_pairs + number * 2, 2)
    else:
        to -= 1
        to[0] = <char>(c"0" + number)
    return to


cdef inline uint64_t eight_digits(uint32_t number) noexcept nogil:
    """The eight digits of a number below 10^8, one a byte, the first in the lowest byte.

    Each step divides all parts at once: by 10^4, by 100, by 10; the divisions are multiplications that are exact here.
    """
    cdef uint64_t high = number // 10000
    cdef uint64_t fours = high | (number - high * 10000) << 32
    cdef uint64_t hundreds = (fours * 10486 >> 20) & <uint64_t>0x0000007F0000007F
    cdef uint64_t twos = hundreds | (fours - hundreds * 100) << 16
    cdef uint64_t tens = (twos * 103 >> 10) & <uint64_t>0x000F000F000F000F
    return tens | (twos - tens * 10) << 8


cdef inline void put_word(char* to, uint64_t digits) noexcept nogil:
    """Write the eight digits that eight_digits() returned."""
    digits = fastws_first_byte_lowest(digits | <uint64_t>0x3030303030303030)
    memcpy(to, &digits, 8)


cdef inline void put_eight(char* to, uint32_t number) noexcept nogil:
    """Write eight digits, with leading zeros."""
    put_word(to, eight_digits(number))


cdef inline int put_first(char* to, uint32_t number) noexcept nogil:
    """Write a number below 10^8 without leading zeros; return how many digits. `to` has room for 8 bytes."""
    cdef uint64_t word = eight_digits(number)
    cdef int zeros = fastws_lowest_bit(word | <uint64_t>1 << 56) >> 3
    word = fastws_first_byte_lowest((word | <uint64_t>0x3030303030303030) >> 8 * zeros)
    memcpy(to, &word, 8)
    return 8 - zeros


cdef inline int put_digits(char* to, int64_t number) noexcept nogil:
    """Write `number` in decimal digits; return how many bytes. `to` has room for 24 bytes."""
    cdef uint64_t rest
    cdef uint64_t high
    cdef int size = 0
    if number < 0:
        to[0] = c"-"
        size = 1
        rest = <uint64_t>0 - <uint64_t>number
    else:
        rest = <uint64_t>number
    if rest < 100000000:
        return size + put_first(to + size, <uint32_t>rest)
    high = rest // 100000000
    if high < 100000000:
        size += put_first(to + size, <uint32_t>high)
    else:
        size += put_first(to + size, <uint32_t>(high // 100000000))
        put_eight(to + size, <uint32_t>(high % 100000000))
        size += 8
    put_eight(to + size, <uint32_t>(rest - high * 100000000))
    return size + 8


cdef inline char* write_eight(char* to, uint32_t number) noexcept nogil:
    """Write exactly eight digits in front of `to`."""
    put_eight(to - 8, number)
    return to - 8


cdef inline char* write_decimal(char* to, int64_t mantissa, int exponent) noexcept nogil:
    """Write a decimal in fixed point in front of `to`; return where it begins. At most LONGEST_DECIMAL bytes."""
    cdef uint64_t number = <uint64_t>mantissa
    cdef char* start
    if mantissa < 0:
        number = 0 - number
    if exponent == -8:
        to = write_eight(to, <uint32_t>(number % 100000000))
        to -= 1
        to[0] = c"."
        to = write_digits(to, number // 100000000)
    elif exponent >= 0:
        if number:
            to -= exponent
            memset(to, c"0", exponent)
        to = write_digits(to, number)
    else:
        start = to + exponent       # where the fraction begins
        while to > start:
            to -= 1
            to[0] = <char>(c"0" + number % 10)
            number //= 10
        to -= 1
        to[0] = c"."
        to = write_digits(to, number)
    if mantissa < 0:
        to -= 1
        to[0] = c"-"
    return to


cdef inline char* write_wide(char* to, uint64_t high, uint64_t low, int exponent) noexcept nogil:
    """write_decimal() for a mantissa of 128 bits without a sign."""
    cdef uint32_t limbs[4]
    cdef uint64_t rest, part
    cdef int i
    cdef int left = -exponent       # digits of the fraction that are still to be written
    cdef char digit
    limbs[0] = <uint32_t>(high >> 32)
    limbs[1] = <uint32_t>high
    limbs[2] = <uint32_t>(low >> 32)
    limbs[3] = <uint32_t>low
    if exponent > 0:
        to -= exponent
        memset(to, c"0", exponent)
    while True:
        rest = 0
        for i in range(4):
            part = rest << 32 | limbs[i]
            limbs[i] = <uint32_t>(part // 1000000000)
            rest = part % 1000000000
        for _ in range(9):
            digit = <char>(c"0" + rest % 10)
            rest //= 10
            to -= 1
            to[0] = digit
            left -= 1
            if left == 0:
                to -= 1
                to[0] = c"."
        if (limbs[0] | limbs[1] | limbs[2] | limbs[3]) == 0 and left < 0:
            break
    # no zeros in front, but one before the point
    while to[0] == c"0" and c"0" <= to[1] <= c"9":
        to += 1
    return to
