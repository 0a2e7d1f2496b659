"""Two test phones speak to each other without a server between them."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from sip.message.messages import Request, Response
from sip.message.wire import parse_message
from sipadmin.demo.behaviours import answer, busy, decline, redirect_to, ring, silent
from sipadmin.demo.credentials import Credentials
from sipadmin.demo.phone import Phone

DEADLINE = 5.0


@pytest.fixture(params=["udp", "tcp"])
async def bob(request: pytest.FixtureRequest) -> AsyncIterator[Phone]:
    async with Phone("sip:bob@example.org", "", ("127.0.0.1", 9), protocol=request.param, t1=0.05) as phone:
        yield phone


@pytest.fixture
async def alice(bob: Phone) -> AsyncIterator[Phone]:
    server = ("127.0.0.1", bob.wire.port)
    async with Phone("sip:alice@example.org", "", server, protocol=bob.wire.protocol, t1=0.05) as phone:
        yield phone


def methods(phone: Phone) -> list[str]:
    return [request.method for request in phone.requests]


class TestCall:
    """§13: establishing a call."""

    @pytest.mark.rfc("3261", "13.2.2.4")
    async def test_is_answered_acknowledged_and_hung_up_by_the_caller(self, alice: Phone, bob: Phone) -> None:
        bob.on_invite = answer()
        call = await asyncio.wait_for(alice.call("sip:bob@example.org"), DEADLINE)
        incoming = bob.incoming.get_nowait()
        await asyncio.wait_for(incoming.acknowledged.wait(), DEADLINE)
        assert call.final_status == 200
        assert (await call.hang_up()).status == 200
        await asyncio.wait_for(incoming.ended.wait(), DEADLINE)
        assert incoming.ended_by == "them"
        assert methods(bob) == ["INVITE", "ACK", "BYE"]

    @pytest.mark.rfc("3261", "15.1.1")
    async def test_is_hung_up_by_the_called(self, alice: Phone, bob: Phone) -> None:
        bob.on_invite = answer(talk=0)
        call = await asyncio.wait_for(alice.call("sip:bob@example.org"), DEADLINE)
        await asyncio.wait_for(call.ended.wait(), DEADLINE)
        assert call.ended_by == "them"

    @pytest.mark.parametrize(("behaviour", "status"), [(busy(), 486), (decline(), 603)])
    async def test_is_refused(self, alice: Phone, bob: Phone, behaviour: object, status: int) -> None:
        bob.on_invite = behaviour  # type: ignore[assignment]
        call = await asyncio.wait_for(alice.call("sip:bob@example.org"), DEADLINE)
        assert call.final_status == status

    @pytest.mark.rfc("3261", "9.1")
    async def test_is_cancelled_while_it_rings(self, alice: Phone, bob: Phone) -> None:
        bob.on_invite = ring()
        call = alice.place_call("sip:bob@example.org")
        assert (await asyncio.wait_for(call.ringing(), DEADLINE)) is not None
        final = await asyncio.wait_for(call.cancel(), DEADLINE)
        assert final.status == 487
        assert methods(bob)[:2] == ["INVITE", "CANCEL"]

    @pytest.mark.rfc("3261", "17.1.1.2")
    async def test_fails_with_408_when_nothing_comes(self, alice: Phone, bob: Phone) -> None:
        alice.t1 = 0.005
        bob.on_invite = silent()
        call = await asyncio.wait_for(alice.call("sip:bob@example.org"), DEADLINE)
        assert call.final_status == 408

    @pytest.mark.rfc("3261", "8.1.3.4")
    async def test_follows_a_redirection_to_another_phone(self, alice: Phone, bob: Phone) -> None:
        server = ("127.0.0.1", 9)
        async with Phone("sip:carol@example.org", "", server, protocol=bob.wire.protocol) as carol:
            carol.on_invite = answer()
            bob.on_invite = redirect_to(carol.contact)
            call = await asyncio.wait_for(alice.call("sip:bob@example.org"), DEADLINE)
        assert call.tried == [("sip:bob@example.org", 302), (carol.contact, 200)]


class TestRequest:
    """§8: requests outside a dialog."""

    async def test_message_arrives_with_its_body(self, alice: Phone, bob: Phone) -> None:
        text = [("Content-Type", "text/plain")]
        response = await alice.request("MESSAGE", "sip:bob@example.org", fields=text, body=b"hello")
        assert response.status == 200
        assert bob.messages.get_nowait().body == b"hello"

    async def test_unknown_method_is_refused_with_allow(self, alice: Phone, bob: Phone) -> None:
        response = await alice.request("REGISTER", "sip:bob@example.org")
        assert (response.status, response.first("allow")) == (405, bob.methods)


class TestCredentials:
    """RFC 7616 §3.9.1: the worked examples."""

    def challenge(self, algorithm: str) -> Response:
        message = parse_message(
            b"SIP/2.0 401 Unauthorized\r\nVia: SIP/2.0/UDP a.example;branch=z9hG4bK1\r\n"
            b"Call-ID: 1\r\nCSeq: 1 REGISTER\r\n"
            b"From: <sip:a@a.example>;tag=1\r\nTo: <sip:a@a.example>\r\nContent-Length: 0\r\n"
            b'WWW-Authenticate: Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=%s,'
            b' nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"\r\n\r\n' % algorithm.encode()
        )
        assert not isinstance(message, Request)
        return message

    @pytest.mark.rfc("7616", "3.9.1")
    @pytest.mark.parametrize(
        ("algorithm", "proof"),
        [
            ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
            ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ],
    )
    def test_proof_is_that_of_the_rfc(self, algorithm: str, proof: str, monkeypatch: pytest.MonkeyPatch) -> None:
        cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
        monkeypatch.setattr("sipadmin.demo.credentials.secrets.token_hex", lambda _: cnonce)
        credentials = Credentials("Mufasa", "Circle of Life")
        [(name, value)] = credentials.answers(self.challenge(algorithm), "GET", "/dir/index.html")
        assert name == "Authorization"
        assert f'response="{proof}"' in value

    def test_count_grows_with_each_use_of_a_nonce(self) -> None:
        credentials = Credentials("bob", "secret")
        values = [credentials.answers(self.challenge("MD5"), "GET", "/")[0][1] for _ in range(2)]
        assert ["nc=00000001" in values[0], "nc=00000002" in values[1]] == [True, True]

    def test_unknown_algorithm_is_not_answered(self) -> None:
        assert Credentials("bob", "secret").answers(self.challenge("SHA-1"), "GET", "/") == []
