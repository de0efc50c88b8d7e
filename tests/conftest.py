"""What holds for all tests."""

import signal

import pytest

pytest.register_assert_rewrite("helpers")  # what they compare is shown like a test's own assertions

# A shell starts what runs in the background with SIGINT ignored, and so would the processes be that tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
