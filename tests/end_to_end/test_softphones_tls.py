"""baresip registers and calls over TLS, with the certificate that the product made for itself."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from tests.end_to_end.enrolment import Enrolment
from tests.end_to_end.product import Product, free_port
from tests.end_to_end.programs import Programs, needs
from tests.end_to_end.softphones import Baresip
from tests.end_to_end.test_softphones import hold_a_call


class Server:
    """``port`` speaks TLS."""

    def __init__(self, folder: object) -> None:
        self.port = free_port(socket.SOCK_STREAM)
        self.product = Product(folder)  # type: ignore[arg-type]
        self.product.launch("--sip", f"tls:127.0.0.1:{self.port}")
        self.product.wait_ready()
        self.authority = self.product.data / "tls" / "own.pem"
        self.domain = Enrolment(self.product, "tls.test", {"alice": "", "bob": "", "carol": ""})


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    needs("baresip")
    found = Server(tmp_path_factory.mktemp("tls") / "data")
    yield found
    found.product.stop()


def test_two_of_them_and_one_on_udp(server: Server, programs: Programs) -> None:
    domain = server.domain
    trust = {"tls": server.port, "authority": server.authority}
    alice, bob = Baresip(domain, programs, "alice", **trust), Baresip(domain, programs, "bob", **trust)  # type: ignore[arg-type]
    carol = Baresip(domain, programs, "carol")
    for phone in (alice, bob, carol):
        phone.registered()
    assert domain.wait_for_bindings("bob", 1)[0]["transport"] == "tls"
    hold_a_call(domain, alice, bob, "bob")
    hold_a_call(domain, alice, carol, "carol")
    hold_a_call(domain, carol, bob, "bob")
    for user, phone in (("alice", alice), ("bob", bob), ("carol", carol)):
        phone.quit()
        domain.wait_for_bindings(user, 0)
