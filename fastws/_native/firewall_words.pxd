# SQL keywords in texts.
cdef bint holds_word(const char* text, Py_ssize_t size) noexcept nogil
