"""What `import fastws` does not import: modules that neither the import nor a first order needs."""

import subprocess
import sys

import pytest

# A client of JSON with an HMAC key, or without a key, needs none of these.
LAZY = {
    "cryptography.hazmat.primitives.ciphers",
    "cryptography.hazmat.primitives.serialization",
    "email.utils",
    "fastws.emulator",
    "fastws.methods.texts",
    "fastws.order_mirror",
    "fastws.sbe.compact",
    "fastws.sbe.encoder",
    "fastws.sbe.model",
    "fastws.sbe.plan",
    "fastws.signing.pkcs8",
    "fastws.types.orders",
    "uvloop",
}

# What an emergency and an open outcome need is imported with fastws: halt() and resolve() import nothing.
EAGER = {
    "fastws.trading.halt",
    "fastws.trading.halt_steps",
    "fastws.trading.resolve",
    "fastws.trading.proofs",
}


def _output_of(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    ).stdout


def test_import_of_fastws_imports_only_what_a_first_order_needs() -> None:
    loaded = set(_output_of("import sys, fastws; print(*sys.modules)").split())
    assert not loaded & LAZY
    assert loaded >= EAGER


def test_client_with_an_hmac_key_imports_no_module_of_private_keys() -> None:
    code = "import sys, fastws; fastws.connect('testnet', api_key='k' * 64, secret='s'); print(*sys.modules)"
    assert not set(_output_of(code).split()) & LAZY


@pytest.mark.parametrize(
    "code",
    [
        "from fastws import *; print(OrderMirror.__module__)",
        "import fastws; print(fastws.OrderMirror.__module__)",
        "import fastws, pickle; print(pickle.loads(pickle.dumps(fastws.OrderMirror)).__module__)",
        "import fastws; assert 'OrderMirror' in dir(fastws); print('fastws.order_mirror')",
        "from fastws.sbe import *; print(SchemaError.__module__)",
        "import fastws; print(fastws.sbe.SchemaError.__module__)",
        "import fastws; assert 'SchemaError' in dir(fastws.sbe); print('fastws.sbe.model')",
    ],
)
def test_lazy_names_are_found_as_all_others(code: str) -> None:
    assert _output_of(code).strip() in ("fastws.order_mirror", "fastws.sbe.model")


@pytest.mark.parametrize("module", ["fastws", "fastws.sbe"])
def test_unknown_names_are_an_attribute_error(module: str) -> None:
    with pytest.raises(AttributeError, match=f"module '{module}' has no attribute 'Nothing'"):
        _ = sys.modules[module].Nothing


def test_help_shows_the_lazy_names() -> None:
    assert "class OrderMirror" in _output_of("import fastws, pydoc; print(pydoc.plaintext.document(fastws))")
