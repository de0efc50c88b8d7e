# The key that authorises a request, and its signature; see request.pyx.


@cython.final
cdef class Auth:
    """A Signer, and those parts of it that writing a request uses."""

    def __cinit__(self, signer):
        if not isinstance(signer, Signer):
            raise InvalidRequest(
                f"signer: expected what load_signer() returns, got a value of type {type(signer).__name__}"
            )
        self.signer = signer
        self.sign = signer.sign
        # fastws' own signers have these parts; a signer of the user's has only sign()
        self.keyed = signer._copy if type(signer) is HmacSigner else None
        self.sign_raw = signer._sign if type(signer) is Ed25519Signer else None
        self.api_key = signer.api_key.encode()


cdef int _sign(Encoder encoder, Auth auth) except -1:
    # the payload has a `&` in front of each parameter; the first one is dropped
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
        _refuse_value(SIGNATURE, signature)     # a signer of the user's may return anything
    return encoder._put(SIGNATURE, <PyObject*>signature, False)


cdef int _put_binary(Encoder encoder, ParamSpec param, bytes value, bint base64) except -1:
    """Write a parameter that is the base64 or hexadecimal text of `value`, and is not signed itself."""
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
