# Reads integers: the bits of a word, and SBE's primitive types, which are little-endian and not aligned.
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef extern from * nogil:
    """
    #if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    #define fastws_first_byte_lowest(word) __builtin_bswap64(word)
    #else
    #define fastws_first_byte_lowest(word) (word)
    #endif
    """
    uint64_t fastws_first_byte_lowest(uint64_t word)    # as the machine stores it

cdef extern from * nogil:
    """
    #ifdef _MSC_VER
    #include <intrin.h>
    #include <stdint.h>
    static int fastws_lowest_bit(uint64_t word) {
        unsigned long at;
        if (_BitScanForward(&at, (unsigned long)word)) return (int)at;
        _BitScanForward(&at, (unsigned long)(word >> 32));
        return (int)at + 32;
    }
    #else
    #define fastws_lowest_bit(word) __builtin_ctzll(word)
    #endif
    """
    int fastws_lowest_bit(uint64_t word)    # of a word that is not zero


cdef inline uint64_t eight_digits_value(uint64_t word) noexcept nogil:
    """The number of eight digits, the first one in the lowest byte. Of each byte the lower four bits count."""
    word = (word & <uint64_t>0x0F0F0F0F0F0F0F0F) * 2561 >> 8
    word = (word & <uint64_t>0x00FF00FF00FF00FF) * 6553601 >> 16
    return (word & <uint64_t>0x0000FFFF0000FFFF) * <uint64_t>42949672960001 >> 32


cdef enum Primitive:
    INT8
    UINT8
    INT16
    UINT16
    INT32
    UINT32
    INT64
    UINT64
    FLOAT32
    FLOAT64
    CHAR


cdef inline int size_of(int primitive) noexcept nogil:
    if primitive == UINT8 or primitive == INT8 or primitive == CHAR:
        return 1
    if primitive == UINT16 or primitive == INT16:
        return 2
    if primitive == UINT32 or primitive == INT32 or primitive == FLOAT32:
        return 4
    return 8


cdef inline uint16_t read_u16(const uint8_t* data) noexcept nogil:
    return data[0] | (<uint16_t>data[1] << 8)


cdef inline int64_t read_i64(const uint8_t* data) noexcept nogil:
    cdef uint64_t number = (
        <uint64_t>data[0] | <uint64_t>data[1] << 8 | <uint64_t>data[2] << 16 | <uint64_t>data[3] << 24
        | <uint64_t>data[4] << 32 | <uint64_t>data[5] << 40 | <uint64_t>data[6] << 48 | <uint64_t>data[7] << 56
    )
    return <int64_t>number


cdef inline uint32_t read_u32(const uint8_t* data) noexcept nogil:
    return <uint32_t>data[0] | <uint32_t>data[1] << 8 | <uint32_t>data[2] << 16 | <uint32_t>data[3] << 24


cdef inline uint64_t read_unsigned(const uint8_t* data, int primitive) noexcept nogil:
    """The bits of a primitive type as an unsigned integer."""
    if primitive == UINT8 or primitive == INT8 or primitive == CHAR:
        return data[0]
    if primitive == UINT16 or primitive == INT16:
        return read_u16(data)
    if primitive == UINT32 or primitive == INT32 or primitive == FLOAT32:
        return read_u32(data)
    return <uint64_t>read_i64(data)


cdef inline int64_t read_signed(const uint8_t* data, int primitive) noexcept nogil:
    """A signed integer of a primitive type."""
    if primitive == INT64:
        return read_i64(data)
    if primitive == INT32:
        return <int32_t>read_u32(data)
    if primitive == INT16:
        return <int16_t>read_u16(data)
    return <int8_t>data[0]
