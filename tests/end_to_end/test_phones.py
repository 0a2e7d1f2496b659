"""Test phones of our own register and call through the product: what other programs cannot be made to do."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any

import pytest

from sip.message.address import Address
from sip.message.messages import Request, response_to
from sipadmin.demo.behaviours import answer, busy, decline, refuse, ring
from sipadmin.demo.calls import IncomingCall
from sipadmin.demo.phone import Phone
from tests.end_to_end.enrolment import Enrolment
from tests.end_to_end.product import Product, free_port

DEADLINE = 15.0
GROUP = "224.0.1.75"

MakePhone = Callable[..., Coroutine[Any, Any, Phone]]


@pytest.fixture(scope="module")
def domain(product: Product) -> Enrolment:
    policies = {
        "alice": "",
        "bob": "",
        "carol": "redirect",
        "dave": "proxy-parallel",
        "erin": "proxy-sequential",
        "frank": "refuse:603",
        "grace": "forward:sip:bob@phones.test",
        "heidi": "forward:sip:ivan@phones.test",
        "ivan": "forward:sip:heidi@phones.test",
        "judy": "",
    }
    return Enrolment(product, "phones.test", policies, settings=["min_expires=30"])


@pytest.fixture
async def phone(domain: Enrolment) -> AsyncIterator[MakePhone]:
    """Makes a started phone of a user; all are unregistered and stopped in the end."""
    phones: list[Phone] = []

    async def make(user: str, **options: Any) -> Phone:
        options.setdefault("server", domain.server)
        made = Phone(domain.aor(user), domain.passwords[user], **options)
        phones.append(await made.start())
        return made

    yield make
    for made in phones:
        if made.registered is not None:
            await asyncio.wait_for(made.unregister(), DEADLINE)
        await made.stop()


@pytest.fixture(params=["udp", "tcp"])
def protocol(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


async def soon(work: Coroutine[Any, Any, Any]) -> Any:
    return await asyncio.wait_for(work, DEADLINE)


class TestRegister:
    """§10: registering over a real socket."""

    @pytest.mark.parametrize("algorithm", ["MD5", "SHA-256", "SHA-512-256"])
    async def test_with_digest(self, phone: MakePhone, domain: Enrolment, protocol: str, algorithm: str) -> None:
        bob = await phone("bob", protocol=protocol, algorithms=[algorithm])
        assert (await soon(bob.register(300))).status == 200
        [binding] = domain.bindings("bob")
        assert (binding["contact"], binding["transport"]) == (bob.contact, protocol)

    async def test_wrong_password_stores_nothing(self, phone: MakePhone, domain: Enrolment) -> None:
        bob = await phone("bob")
        bob.credentials.password = "guess"
        assert (await soon(bob.register(300))).status == 401
        assert domain.bindings("bob") == []

    @pytest.mark.rule("R21")
    async def test_second_phone_is_told_of_the_first(self, phone: MakePhone) -> None:
        desk, mobile = await phone("bob"), await phone("bob")
        await soon(desk.register(300))
        response = await soon(mobile.register(300))
        contacts = {Address.parse(value).uri_text for value in response.values("contact")}
        assert contacts == {desk.contact, mobile.contact}

    @pytest.mark.rule("R16")
    async def test_too_brief_an_interval_is_asked_again(self, phone: MakePhone) -> None:
        bob = await phone("bob")
        response = await soon(bob.register(5))
        assert response.status == 200
        assert int(Address.parse(response.values("contact")[0]).params["expires"] or 0) in (29, 30)

    async def test_binding_is_gone_after_unregistering(self, phone: MakePhone, domain: Enrolment) -> None:
        bob = await phone("bob")
        await soon(bob.register(300))
        assert (await soon(bob.unregister())).status == 200
        assert domain.bindings("bob") == []

    @pytest.mark.rule("R06")
    async def test_somebody_else_without_a_rule_is_refused(self, phone: MakePhone, domain: Enrolment) -> None:
        alice = await phone("alice")
        response = await soon(alice.register(300, for_aor=domain.aor("bob")))
        assert response.status == 403
        assert domain.bindings("bob") == []


class TestCall:
    """§13, §16: calls through the proxy."""

    async def test_is_answered_and_hung_up(self, phone: MakePhone, domain: Enrolment, protocol: str) -> None:
        bob = await phone("bob", protocol=protocol, on_invite=answer())
        alice = await phone("alice", protocol=protocol)
        await soon(bob.register(300))
        call = await soon(alice.call(domain.aor("bob")))
        incoming = await soon(bob.incoming.get())
        await soon(incoming.acknowledged.wait())
        assert call.final_status == 200
        assert call.dialog.routes, "no Record-Route: the proxy would not see the BYE"
        assert (await soon(call.hang_up())).status == 200
        await soon(incoming.ended.wait())
        assert [request.method for request in bob.requests] == ["INVITE", "ACK", "BYE"]

    async def test_between_udp_and_tcp(self, phone: MakePhone, domain: Enrolment) -> None:
        bob = await phone("bob", protocol="tcp", on_invite=answer())
        alice = await phone("alice", protocol="udp")
        await soon(bob.register(300))
        call = await soon(alice.call(domain.aor("bob")))
        incoming = await soon(bob.incoming.get())
        await soon(incoming.acknowledged.wait())
        assert (await soon(incoming.hang_up())).status == 200
        await soon(call.ended.wait())
        assert call.ended_by == "them"

    @pytest.mark.rule("P23")
    async def test_callee_sees_no_credentials(self, phone: MakePhone, domain: Enrolment) -> None:
        bob, alice = await phone("bob"), await phone("alice")
        await soon(bob.register(300))
        call = await soon(alice.call(domain.aor("bob")))
        assert call.was_challenged
        [invite] = [request for request in bob.requests if request.method == "INVITE"]
        assert not invite.has("proxy-authorization")

    async def test_is_cancelled_while_it_rings(self, phone: MakePhone, domain: Enrolment, protocol: str) -> None:
        bob = await phone("bob", protocol=protocol, on_invite=ring())
        alice = await phone("alice", protocol=protocol)
        await soon(bob.register(300))
        call = alice.place_call(domain.aor("bob"))
        assert await soon(call.ringing()) is not None
        assert (await soon(call.cancel())).status == 487
        incoming = await soon(bob.incoming.get())
        await soon(incoming.cancelled.wait())

    @pytest.mark.parametrize(
        ("user", "status"), [("erin", 480), ("frank", 603), ("nobody", 404)], ids=["no phone", "refused", "unknown"]
    )
    async def test_cannot_be_delivered(self, phone: MakePhone, domain: Enrolment, user: str, status: int) -> None:
        alice = await phone("alice")
        call = await soon(alice.call(domain.aor(user)))
        assert call.final_status == status

    async def test_is_forwarded_to_somebody_else(self, phone: MakePhone, domain: Enrolment) -> None:
        bob, alice = await phone("bob", on_invite=decline()), await phone("alice")
        await soon(bob.register(300))
        call = await soon(alice.call(domain.aor("grace")))
        assert call.final_status == 603

    async def test_redirection_is_followed_to_the_phone(self, phone: MakePhone, domain: Enrolment) -> None:
        carol, alice = await phone("carol", on_invite=answer()), await phone("alice")
        await soon(carol.register(300))
        call = await soon(alice.call(domain.aor("carol")))
        assert call.tried == [(domain.aor("carol"), 401), (domain.aor("carol"), 302), (carol.contact, 200)]
        await soon(call.hang_up())


class TestFork:
    """§16.6, §16.7: several phones of one user."""

    @pytest.mark.rule("P21")
    async def test_one_answers_and_the_others_stop_ringing(self, phone: MakePhone, domain: Enrolment) -> None:
        quick = await phone("dave", on_invite=answer(0.2))
        slow = [await phone("dave", on_invite=ring()) for _ in range(2)]
        alice = await phone("alice")
        for made in (quick, *slow):
            await soon(made.register(300))
        call = await soon(alice.call(domain.aor("dave")))
        assert (call.final_status, call.dialog.target) == (200, quick.contact)
        for made in slow:
            incoming = await soon(made.incoming.get())
            await soon(incoming.cancelled.wait())
        await soon(call.hang_up())

    @pytest.mark.rule("P06")
    async def test_a_phone_that_registers_while_it_rings_joins(self, phone: MakePhone, domain: Enrolment) -> None:
        desk, mobile = await phone("dave", on_invite=ring()), await phone("dave", on_invite=answer())
        alice = await phone("alice")
        await soon(desk.register(300))
        call = alice.place_call(domain.aor("dave"))
        assert await soon(call.ringing()) is not None
        await soon(mobile.register(300))
        await soon(call.finished())
        assert (call.final_status, call.dialog.target) == (200, mobile.contact)
        await soon((await soon(desk.incoming.get())).cancelled.wait())
        branches = domain.attempt("dave")["branches"]
        assert {branch["target"]: bool(branch["joined_late"]) for branch in branches} == {
            desk.contact: False,
            mobile.contact: True,
        }
        await soon(call.hang_up())

    async def test_a_busy_user_has_the_call_forwarded(self, phone: MakePhone, domain: Enrolment) -> None:
        domain.arrange("judy", "forward_busy", "bob")
        judy, bob = await phone("judy", on_invite=busy()), await phone("bob", on_invite=answer())
        alice = await phone("alice")
        await soon(judy.register(300))
        await soon(bob.register(300))
        call = await soon(alice.call(domain.aor("judy")))
        assert (call.final_status, call.dialog.target) == (200, bob.contact)
        assert "judy was busy: forwarded to" in domain.attempt("judy")["explanation"]
        await soon(call.hang_up())

    @pytest.mark.rule("P15")
    async def test_best_refusal_wins(self, phone: MakePhone, domain: Enrolment) -> None:
        for behaviour in (busy(), refuse(500)):
            made = await phone("dave", on_invite=behaviour)
            await soon(made.register(300))
        alice = await phone("alice")
        call = await soon(alice.call(domain.aor("dave")))
        assert call.final_status == 486

    async def test_one_after_another_in_order_of_q(self, phone: MakePhone, domain: Enrolment) -> None:
        second, first = await phone("erin", on_invite=answer()), await phone("erin", on_invite=busy())
        await soon(second.register(300, q=0.2))
        await soon(first.register(300, q=0.9))
        alice = await phone("alice")
        call = await soon(alice.call(domain.aor("erin")))
        assert call.dialog.target == second.contact
        assert first.incoming.qsize() == 1
        await soon(call.hang_up())

    @pytest.mark.rule("P22")
    @pytest.mark.rfc("3261", "18.4")
    async def test_phone_that_is_gone_does_not_hold_up_the_next(self, phone: MakePhone, domain: Enrolment) -> None:
        # The host of the first contact says by ICMP that nobody listens there; the ring time is longer than `soon`.
        second = await phone("erin", on_invite=answer())
        gone = f"<sip:erin@127.0.0.1:{free_port()}>;q=0.9"
        await soon(second.register(300, contacts=[gone, f"<{second.contact}>;q=0.2"]))
        alice = await phone("alice")
        call = await soon(alice.call(domain.aor("erin")))
        assert call.dialog.target == second.contact
        await soon(call.hang_up())
        await soon(second.unregister(everything=True))

    @pytest.mark.rule("P14")
    async def test_decline_of_the_first_ends_the_search(self, phone: MakePhone, domain: Enrolment) -> None:
        second, first = await phone("erin", on_invite=answer()), await phone("erin", on_invite=decline())
        await soon(second.register(300, q=0.2))
        await soon(first.register(300, q=0.9))
        alice = await phone("alice")
        call = await soon(alice.call(domain.aor("erin")))
        assert call.final_status == 603
        assert second.incoming.empty()


class TestDetours:
    """§16.3 step 4, §16.5: calls that would run in circles or to places of the caller's choice."""

    async def test_users_who_forward_to_each_other(self, phone: MakePhone, domain: Enrolment) -> None:
        alice = await phone("alice")
        call = await soon(alice.call(domain.aor("heidi")))
        assert call.final_status == 482

    @pytest.mark.parametrize("contact", ["<{server}>", "<{server};transport=tcp>", "<sip:bob@phones.test>"])
    async def test_contact_that_leads_back_here_is_refused(
        self, phone: MakePhone, domain: Enrolment, contact: str
    ) -> None:
        bob = await phone("bob")
        server = f"sip:bob@{domain.server[0]}:{domain.server[1]}"
        response = await soon(bob.register(300, contacts=[contact.format(server=server)]))
        assert response.status == 403
        assert domain.bindings("bob") == []

    async def test_route_of_a_stranger_is_not_followed(self, phone: MakePhone, domain: Enrolment) -> None:
        bob, victim = await phone("bob"), await phone("carol")
        await soon(bob.register(300))
        host, port = domain.server
        routes = [("Route", f"<sip:{host}:{port};lr>"), ("Route", f"<{victim.contact};lr>")]
        async with Phone("sip:mallory@elsewhere.test", "", domain.server) as mallory:
            call = await soon(mallory.call(domain.aor("bob"), fields=routes))
        assert call.final_status == 403
        assert victim.requests == []

    async def test_second_answer_of_one_phone_reaches_the_caller(self, phone: MakePhone, domain: Enrolment) -> None:
        """§16.7 step 5: every 2xx to an INVITE goes upstream; the caller ends the one it does not want."""
        bob, alice = await phone("bob"), await phone("alice")

        async def answer_twice(call: IncomingCall) -> None:
            call.answer()
            second = response_to(call.request, 200, to_tag="second")
            for line in call.request.lines("record-route"):
                second.append("Record-Route", line)
            second.append("Contact", f"<{bob.contact}>")
            bob.wire.send(second.to_bytes(), domain.server)

        bob.on_invite = answer_twice
        await soon(bob.register(300))
        call = await soon(alice.call(domain.aor("bob")))
        await soon(bob.wait_for_request(lambda request: request.method == "BYE" and request.to_tag == "second"))
        assert call.final_status == 200
        await soon(call.hang_up())


class TestMessage:
    """RFC 3428: a MESSAGE is proxied as any other request."""

    async def test_arrives(self, phone: MakePhone, domain: Enrolment) -> None:
        bob, alice = await phone("bob"), await phone("alice")
        await soon(bob.register(300))
        text = [("Content-Type", "text/plain")]
        response = await soon(alice.request("MESSAGE", domain.aor("bob"), fields=text, body=b"hello"))
        assert response.status == 200
        message: Request = await soon(bob.messages.get())
        assert message.body == b"hello"


@pytest.fixture(scope="module")
def other_product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A second product, on IPv6 loopback and, for multicast, on IPv4 loopback."""
    port = free_port()
    made = Product(tmp_path_factory.mktemp("other"), sip=("::1", port), SIPADMIN_MULTICAST="127.0.0.1")
    try:
        made.launch("--sip", f"127.0.0.1:{port}")
        made.wait_ready()
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def other_domain(other_product: Product) -> Enrolment:
    return Enrolment(other_product, "other.test", {"alice": "", "bob": ""})


@pytest.mark.rfc("5118", "4")
async def test_phones_on_ipv6_register_and_call(other_domain: Enrolment, protocol: str) -> None:
    server, passwords = other_domain.server, other_domain.passwords
    async with (
        Phone(other_domain.aor("alice"), passwords["alice"], server, protocol=protocol) as alice,
        Phone(other_domain.aor("bob"), passwords["bob"], server, protocol=protocol, on_invite=answer()) as bob,
    ):
        assert bob.wire.host == "::1"
        assert (await soon(bob.register(300))).status == 200
        call = await soon(alice.call(other_domain.aor("bob")))
        assert call.final_status == 200
        assert (await soon(call.hang_up())).status == 200
        await soon(bob.unregister())


@pytest.mark.rule("R34")
async def test_register_to_the_multicast_group_is_answered_there(other_domain: Enrolment) -> None:
    """§10.2.6, §18.1.1: the phone sends to the group, at the port of the IPv4 listener, and hears the answer there."""
    group = (GROUP, other_domain.server[1])
    async with Phone(other_domain.aor("bob"), other_domain.passwords["bob"], group) as bob:
        assert (await soon(bob.register(300))).status == 200
        [binding] = other_domain.bindings("bob")
        assert binding["contact"] == bob.contact
        await soon(bob.unregister())


async def test_connection_reset_in_the_middle_of_a_request_harms_nobody(product: Product, domain: Enrolment) -> None:
    for part in (b"REGISTER sip:phones.test SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1", b"\r\n\r\n\r\n", b"\x00" * 100):
        _, writer = await asyncio.open_connection(*domain.server)
        writer.get_extra_info("socket").setsockopt(1, 13, struct.pack("ii", 1, 0))  # SO_LINGER 0: reset, not close
        writer.write(part)
        await writer.drain()
        writer.transport.abort()
    async with Phone(domain.aor("alice"), domain.passwords["alice"], domain.server, protocol="tcp") as alice:
        assert (await soon(alice.register(300))).status == 200
        await soon(alice.unregister())
