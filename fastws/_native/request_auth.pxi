# Who a request is authorised by: a key, its parts that a request needs, and the signature; see request.pyx.


@cython.final
cdef class Auth:
    """A key to sign with: a Signer, and its parts that a request needs."""

    def __cinit__(self, signer):
        if not isinstance(signer, Signer):
            raise InvalidRequest(
                f"signer: expected what load_signer() returns, got a value of type {type(signer).__name__}"
            )
        self.signer = signer
        self.sign = signer.sign
        # the parts of fastws' own signers; one from outside has sign() alone
        self.keyed = signer._copy if type(signer) is HmacSigner else None
        self.sign_raw = signer._sign if type(signer) is Ed25519Signer else None
        self.api_key = signer.api_key.encode()


cdef int _sign(Encoder encoder, Auth auth) except -1:
    # each parameter stands behind a `&` in the payload, and the first one loses it
    cdef bytes payload = PyBytes_FromStringAndSize(encoder.payload.data + 1, encoder.payload.size - 1)
    cdef object signature
    if auth.keyed is not None:
        signature = PyObject_CallNoArgs(auth.keyed)
        signature.update(payload)
        return _put_binary(encoder, SIGNATURE, signature.finalize(), False)
    if auth.sign_raw is not None:
        return _put_binary(encoder, SIGNATURE, PyObject_CallOneArg(auth.sign_raw, payload), True)
    signature = auth.sign(payload)
    if not PyUnicode_Check(signature):
        _refuse_value(SIGNATURE, signature)     # a signer from outside may return anything
    return encoder._put(SIGNATURE, <PyObject*>signature, False)


cdef int _put_binary(Encoder encoder, ParamSpec param, bytes value, bint base64) except -1:
    """A parameter that is the base64 or the hexadecimal text of `value`, and is not signed."""
    cdef const uint8_t* data = <const uint8_t*>PyBytes_AS_STRING(value)
    cdef Py_ssize_t size = PyBytes_GET_SIZE(value)
    cdef char* to = room(encoder.out, KEY_ROOM + 2 * size + 6)
    memcpy(to, param.key, KEY_ROOM)
    to += param.key_size + 1
    if base64:
        to += put_base64(to, data, size)
    else:
        put_hexadecimal(to, data, size)
        to += 2 * size
    to[0] = c'"'
    to[1] = c","
    encoder.out.size = to + 2 - encoder.out.data
    return 0
