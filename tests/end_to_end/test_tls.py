"""TLS as an administrator has it: a certificate from the first start, then his own, put to use under way."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from sip.transport.connection import certified_names
from tests.end_to_end.product import Product, free_port, wait_until
from tests.sip.imaginary import request_text
from tests.sip.transport.certificates import certificate, trusting

pytestmark = pytest.mark.threat(30)


def dial(port: int, trusted: ssl.SSLContext, name: str) -> ssl.SSLSocket:
    opened = trusted.wrap_socket(socket.create_connection(("127.0.0.1", port), 10.0), server_hostname=name)
    opened.settimeout(10.0)
    return opened


def answers(opened: ssl.SSLSocket, branch: str) -> bool:
    """Whether OPTIONS gets its 200."""
    uri = f"sip:127.0.0.1:{opened.getpeername()[1]}"
    opened.sendall(request_text("OPTIONS", uri, protocol="TLS", branch=f"z9hG4bK{branch}"))
    data = b""
    while b"\r\n\r\n" not in data:
        data += opened.recv(4096)
    return data.startswith(b"SIP/2.0 200 ") and branch.encode() in data


@pytest.fixture
def running() -> Iterator[list[Product]]:
    products: list[Product] = []
    yield products
    for product in products:
        product.stop()


def test_the_first_start_makes_a_certificate(running: list[Product], tmp_path: Path) -> None:
    port = free_port(socket.SOCK_STREAM)
    product = Product(tmp_path / "data")
    running.append(product)
    product.launch("--sip", f"tls:127.0.0.1:{port}=sip.example.org:5061")
    product.wait_ready()
    chain, key = product.data / "tls" / "own.pem", product.data / "tls" / "own.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    trusted = ssl.create_default_context(cafile=str(chain))
    for name in ("127.0.0.1", "sip.example.org"):  # the name it is advertised by, too
        with dial(port, trusted, name) as phone:
            assert answers(phone, name)
    shown = product.manage("certificate").stdout
    assert "(self-signed)" in shown and "sip.example.org" in shown
    first = chain.read_bytes()
    assert product.stop() == 0
    product.launch("--sip", f"tls:127.0.0.1:{port}=sip.example.org:5061")
    product.wait_ready()
    assert chain.read_bytes() == first  # phones that trust it go on to


def test_new_files_are_in_use_and_no_connection_is_dropped(running: list[Product], tmp_path: Path) -> None:
    port = free_port(socket.SOCK_STREAM)
    old = certificate(tmp_path, "old.example", file="sip")
    product = Product(tmp_path / "data", SIPADMIN_TLS_CERTIFICATES=f"{old.chain}:{old.key}")
    running.append(product)
    product.launch("--sip", f"tls:127.0.0.1:{port}")
    product.wait_ready()

    def times_read() -> int:
        return (product.data / "log" / "sip.log").read_text().count("certificates read anew")

    with dial(port, trusting(old), "old.example") as phone:
        assert answers(phone, "before")
        trusted = trusting(certificate(tmp_path, "new.example", file="sip"))
        assert wait_until(lambda: times_read() == 1, 15.0), product.text()  # it has noticed by itself
        with dial(port, trusted, "new.example") as other:
            assert certified_names(other.getpeercert()) == {"new.example"}
        os.kill(product.child("sip"), signal.SIGHUP)
        assert wait_until(lambda: times_read() == 2, 15.0), product.text()
        assert "new.example" in product.manage("certificate", "--reload").stdout and times_read() == 3
        assert answers(phone, "after")


@pytest.mark.threat(31)
def test_a_trunk_proves_its_name(running: list[Product], tmp_path: Path) -> None:
    """With the certificate of that name a request goes on to another domain; without it, it is refused."""
    port = free_port(socket.SOCK_STREAM)
    server, trunk, other = (certificate(tmp_path, f"{name}.example") for name in ("server", "trunk", "other"))
    authorities = tmp_path / "authorities.pem"
    authorities.write_bytes(trunk.chain.read_bytes() + other.chain.read_bytes())
    product = Product(
        tmp_path / "data",
        SIPADMIN_TLS_CERTIFICATES=f"{server.chain}:{server.key}",
        SIPADMIN_TLS_CLIENT_CA=str(authorities),
        SIPADMIN_RELAY_FROM="tls:trunk.example",
    )
    running.append(product)
    product.launch("--sip", f"tls:127.0.0.1:{port}")
    product.wait_ready()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as elsewhere:
        elsewhere.bind(("127.0.0.1", 0))
        elsewhere.settimeout(10.0)
        uri = f"sip:x@127.0.0.1:{elsewhere.getsockname()[1]}"
        for files in (None, other, trunk):
            trusted = trusting(server)
            if files is not None:
                trusted.load_cert_chain(*files)
            with dial(port, trusted, "server.example") as caller:
                caller.sendall(request_text("OPTIONS", uri, protocol="TLS", from_="<sip:a@trunk.example>;tag=1"))
                if files is trunk:
                    assert elsewhere.recv(65535).startswith(f"OPTIONS {uri} ".encode())
                else:
                    assert caller.recv(65535).startswith(b"SIP/2.0 403 ")


def test_a_file_that_is_no_certificate_is_named_at_the_start(running: list[Product], tmp_path: Path) -> None:
    broken = tmp_path / "broken.pem"
    broken.write_text("no certificate")
    product = Product(tmp_path / "data", SIPADMIN_TLS_CERTIFICATES=str(broken))
    running.append(product)
    product.launch("--sip", f"tls:127.0.0.1:{free_port(socket.SOCK_STREAM)}")
    assert product.process is not None and product.process.wait(60) == 1
    assert f"{broken}" in product.text() and "SIPADMIN_TLS_CERTIFICATES" in product.text()
    sip = (product.data / "log" / "sip.log").read_text()
    assert str(broken) in sip and "Traceback" not in sip  # the web may have been interrupted in an answer
