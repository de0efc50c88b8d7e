"""Whether `make sanitize` tests what was built with the sanitizers, and not the modules of the tree."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import fastws
from fastws._native import json as _json
from fastws._native import json_views as _json_views
from fastws._native import market_json as _market_json
from fastws._native import market_sbe as _market_sbe
from fastws._native import sbe as _sbe


@pytest.mark.skipif("libasan" not in os.environ.get("LD_PRELOAD", ""), reason="only for make sanitize")
def test_the_modules_under_test_are_built_with_the_sanitizers():
    assert Path(fastws.__file__).parent.parent.name == "lib"
    for module in (_json, _json_views, _market_json, _market_sbe, _sbe):
        code = Path(module.__file__).read_bytes()
        assert b"__asan_report_load8" in code, module
        assert b"__ubsan_handle" in code, module
