# A new str of ASCII characters, whose bytes the caller writes.
from cpython.object cimport PyObject

cdef extern from *:
    """
    /* PyUnicode_New() asks for the widest character, and fills the header field by field: half of what a short str
       costs. Here the header is copied from that of a str that PyUnicode_New() made. If a CPython builds its strs in
       another way than fastws_prepare_ascii() expects, PyUnicode_New() makes each of them. */
    static PyASCIIObject fastws_ascii_header;
    static int fastws_ascii_known = 0;
    enum { FASTWS_ASCII_FIELDS = offsetof(PyASCIIObject, length) + sizeof(Py_ssize_t) };

    static int fastws_prepare_ascii(void) {
        PyObject *made = PyUnicode_New(3, 127);
        if (!made) {
            return -1;
        }
        memcpy(&fastws_ascii_header, made, sizeof(PyASCIIObject));
        fastws_ascii_known = PyUnicode_IS_COMPACT_ASCII(made) && fastws_ascii_header.length == 3
            && fastws_ascii_header.hash == -1
            && (char *)PyUnicode_DATA(made) == (char *)made + sizeof(PyASCIIObject);
        Py_DECREF(made);
        return 0;
    }

    static inline PyObject *fastws_new_ascii(Py_ssize_t size) {
        PyObject *made;
        if (!fastws_ascii_known || size <= 0 || size > 4096) {      /* an empty str is one object */
            return PyUnicode_New(size, 127);
        }
        made = (PyObject *)PyObject_Malloc(sizeof(PyASCIIObject) + size + 1);
        if (!made) {
            return NULL;
        }
        memcpy((char *)made + FASTWS_ASCII_FIELDS, (char *)&fastws_ascii_header + FASTWS_ASCII_FIELDS,
               sizeof(PyASCIIObject) - FASTWS_ASCII_FIELDS);
        ((PyASCIIObject *)made)->length = size;
        ((char *)made)[sizeof(PyASCIIObject) + size] = 0;
        return PyObject_Init(made, &PyUnicode_Type);
    }

    """
    int fastws_prepare_ascii() except -1                    # once in each module, at its import
    PyObject* fastws_new_ascii(Py_ssize_t size) noexcept    # NULL without memory
