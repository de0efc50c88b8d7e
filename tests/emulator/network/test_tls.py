from __future__ import annotations

import contextlib
import ssl

import pytest
from cryptography import x509

from fastws.emulator import Emulator
from fastws.emulator.network.tls import Certificate
from helpers.emulator.wire import run


def test_the_certificate_is_for_this_machine():
    certificate = Certificate()
    ca = x509.load_pem_x509_certificate(certificate.ca_pem)
    assert ca.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert certificate.ca_pem != Certificate().ca_pem


def test_the_client_context_verifies():
    context = Certificate().client_context()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def shake_hands(client_context, server_context, name):
    """A handshake in memory; the client's end of it is returned."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(to_client, to_server, server_hostname=name)
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(5):
        for side in (client, server):
            with contextlib.suppress(ssl.SSLWantReadError):
                side.do_handshake()
    return client


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_the_own_authority_is_trusted(name):
    certificate = Certificate()
    context = certificate.client_context()
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    client = shake_hands(context, certificate.server_context(), name)
    assert client.getpeercert()["subject"] == ((("commonName", "localhost"),),)


def test_another_exchanges_authority_is_not_trusted():
    one, other = Certificate(), Certificate()
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(other.client_context(), one.server_context(), "localhost")


def test_without_tls_there_is_no_authority():
    async def main():
        async with Emulator() as exchange:
            with pytest.raises(RuntimeError, match="without TLS"):
                exchange.client_ssl_context()

    run(main)
