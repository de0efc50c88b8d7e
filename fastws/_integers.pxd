# Little-endian integers, as SBE has them, from unaligned bytes.
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from ._plans cimport CHAR, FLOAT32, INT8, INT16, INT32, INT64, UINT8, UINT16, UINT32


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
