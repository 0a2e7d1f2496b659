"""Kamailio as the next hop and as the one before, over UDP, TCP and TLS: calls pass both, in both directions."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from sip.message.messages import Request
from sip.message.via import Via
from sipadmin.demo.behaviours import answer
from sipadmin.demo.phone import Phone
from tests.end_to_end.enrolment import Enrolment
from tests.end_to_end.product import Product, free_port, wait_until
from tests.end_to_end.programs import Program, Programs, needs
from tests.end_to_end.test_phones import soon
from tests.sip.transport.certificates import certificate

CONFIGURATION = Path(__file__).parent / "kamailio.cfg"

every_transport = pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])


class Neighbours:
    """The product and Kamailio, each with a certificate that the other one trusts."""

    def __init__(self, folder: Path) -> None:
        self.port, self.tls_port, self.phone_port = free_port(), free_port(), free_port()
        own_tls = free_port()
        ours, theirs = certificate(folder, "127.0.0.1", file="ours"), certificate(folder, "127.0.0.1", file="theirs")
        self.product = Product(
            folder / "product",
            SIPADMIN_TLS_CERTIFICATES=f"{ours.chain}:{ours.key}",
            SIPADMIN_TLS_SERVER_CA=str(theirs.chain),
        )
        text = CONFIGURATION.read_text()
        for word, value in {
            "PRODUCTTLS": own_tls,
            "PRODUCT": self.product.sip[1],
            "TLSPORT": self.tls_port,
            "PHONEPORT": self.phone_port,
            "PORT": self.port,
            "CERTIFICATE": theirs.chain,
            "KEY": theirs.key,
            "AUTHORITY": ours.chain,
        }.items():
            text = text.replace(word, str(value))
        self.configuration = folder / "kamailio.cfg"
        self.configuration.write_text(text)
        self.product.launch("--sip", f"tls:127.0.0.1:{own_tls}")
        self.product.wait_ready()
        self.domain = Enrolment(self.product, "home.test", {"alice": ""})

    @property
    def route(self) -> list[tuple[str, str]]:
        """For a phone that would go straight to a numeric address."""
        return [("Route", f"<sip:127.0.0.1:{self.product.sip[1]};lr>")]

    def start(self, programs: Programs) -> Program:
        folder = programs.folder / "run"
        folder.mkdir(parents=True)
        command = [needs("kamailio"), "-DD", "-E", "-f", self.configuration, "-Y", folder, "-P", folder / "pid"]
        program = programs.start([*command, "-m", "32", "-M", "4"], "kamailio")
        assert wait_until(self.is_up), program.output
        return program

    def is_up(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.tls_port), 1.0).close()
        except OSError:
            return False
        return True


@pytest.fixture(scope="module")
def neighbours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neighbours]:
    needs("kamailio")
    if not list(Path("/usr/lib").glob("*/kamailio/modules/tls.so")):
        pytest.skip("Kamailio has no TLS (Debian: kamailio-tls-modules)")
    found, programs = Neighbours(tmp_path_factory.mktemp("neighbours")), Programs(tmp_path_factory.mktemp("programs"))
    try:
        found.start(programs)
        yield found
    finally:
        programs.stop()
        found.product.stop()


@pytest.fixture
async def alice(neighbours: Neighbours) -> AsyncIterator[Phone]:
    """A user of the product."""
    domain = neighbours.domain
    phone = await Phone(domain.aor("alice"), domain.passwords["alice"], domain.server, on_invite=answer()).start()
    assert (await soon(phone.register(300))).status == 200
    yield phone
    await soon(phone.unregister())
    await phone.stop()


@pytest.fixture
async def bob(neighbours: Neighbours) -> AsyncIterator[Phone]:
    """The phone behind Kamailio."""
    server = ("127.0.0.1", neighbours.port)
    phone = await Phone("sip:bob@far.test", "", server, port=neighbours.phone_port, on_invite=answer()).start()
    yield phone
    await phone.stop()


def hops_of(request: Request) -> list[str]:
    """Transports it has come by, the last first."""
    return [Via.parse(value).transport for value in request.values("via")]


@every_transport
async def test_as_the_next_hop(neighbours: Neighbours, alice: Phone, bob: Phone, transport: str) -> None:
    port = neighbours.tls_port if transport == "tls" else neighbours.port
    call = await soon(alice.call(f"sip:bob@127.0.0.1:{port};transport={transport}", fields=neighbours.route))
    assert call.final_status == 200, neighbours.product.text()
    incoming = await soon(bob.incoming.get())
    await soon(incoming.acknowledged.wait())
    [invite] = [request for request in bob.requests if request.method == "INVITE"]
    assert hops_of(invite) == ["UDP", transport.upper(), "UDP"]
    assert (await soon(incoming.hang_up())).status == 200  # from the far end, by Kamailio's Route to ours
    await soon(call.ended.wait())


@every_transport
async def test_as_the_previous_hop(neighbours: Neighbours, alice: Phone, bob: Phone, transport: str) -> None:
    call = await soon(bob.call(neighbours.domain.aor("alice"), fields=[("X-By", transport)]))
    assert call.final_status == 200, neighbours.product.text()
    incoming = await soon(alice.incoming.get())
    await soon(incoming.acknowledged.wait())
    [invite] = [request for request in alice.requests if request.method == "INVITE"]
    assert hops_of(invite) == ["UDP", transport.upper(), "UDP"]
    if transport == "tls":
        assert (await soon(incoming.hang_up())).status == 200
        await soon(call.ended.wait())
    else:
        assert (await soon(call.hang_up())).status == 200
        await soon(incoming.ended.wait())


async def test_who_shows_no_certificate_that_is_trusted_is_not_called(
    neighbours: Neighbours, alice: Phone, bob: Phone
) -> None:
    """The address is right and the name is not: localhost stands in no certificate here."""
    call = await soon(alice.call(f"sip:bob@localhost:{neighbours.tls_port};transport=tls", fields=neighbours.route))
    assert call.final_status >= 500 and bob.requests == []
