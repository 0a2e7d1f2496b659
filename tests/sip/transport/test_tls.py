"""TLS on loopback: names, reload, limits, verification, and what is refused."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sip.endpoint import Endpoint
from sip.transport import network, tls
from sip.transport.connection import certified_names
from sip.transport.flow import Flow
from sip.transport.listeners import ListenAddress, Listener
from sip.transport.selection import NextHop
from sip.transport.stream import StreamConnection
from sip.transport.tls import BadCertificate, CertificateFiles, TlsContexts, TlsFiles, TlsHandshake, choose, names_of
from tests.sip.imaginary import request_text
from tests.sip.recording import RecordingCore, RecordingUser
from tests.sip.transport.cables import Cable, Owner
from tests.sip.transport.certificates import NOW, certificate, loopback_tls, trusting
from tests.sip.transport.test_network import PATIENCE, eventually, has_ipv6, options_request, reach


@pytest.fixture
async def core() -> RecordingCore:
    return RecordingCore(lambda transaction: transaction.respond_with(200))


@pytest.fixture
async def started() -> AsyncIterator[list[Endpoint]]:
    endpoints: list[Endpoint] = []
    yield endpoints
    for endpoint in endpoints:
        await endpoint.stop()


async def start(
    started: list[Endpoint], core: RecordingCore, contexts: TlsContexts, host: str = "127.0.0.1"
) -> Listener:
    endpoint = Endpoint([ListenAddress("tls", host, 0)], core, tls=contexts)
    endpoint.bind()
    await endpoint.start()
    started.append(endpoint)
    return endpoint.listeners[0]


async def certificate_seen(listener: Listener, trusted: ssl.SSLContext, name: str | None) -> object:
    """Names in the certificate that a phone sees which asks for ``name``."""
    trusted.check_hostname = False
    _, writer = await asyncio.open_connection(*reach(listener), ssl=trusted, server_hostname=name)
    seen = writer.get_extra_info("peercert")
    writer.close()
    return certified_names(seen)


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, branch: str) -> bytes:
    writer.write(request_text(protocol="TLS", branch=f"z9hG4bK{branch}"))
    return await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)


class TestNames:
    """SNI: an exact name before a wildcard, and the first certificate for who asks for nothing we have."""

    @pytest.mark.parametrize(
        ("name", "chosen"),
        [
            ("a.example.org", "exact"),
            ("A.Example.ORG.", "exact"),
            ("b.example.org", "wildcard"),
            ("x.b.example.org", "default"),
            ("example.org", "default"),
            ("", "default"),
        ],
    )
    def test_exact_beats_wildcard(self, name: str, chosen: str) -> None:
        by_name = {"a.example.org": "exact", "*.example.org": "wildcard"}
        assert choose(name, by_name, "default") == chosen

    @pytest.mark.rfc("3261", "26.2.1")
    async def test_the_certificate_of_the_name_that_was_asked_for(
        self, started: list[Endpoint], core: RecordingCore, tmp_path: Path
    ) -> None:
        files = [certificate(tmp_path, *names) for names in (["first.example"], ["*.b.example"], ["sip.b.example"])]
        listener = await start(started, core, TlsContexts(TlsFiles(files)))
        for asked, seen in (
            ("sip.b.example", "sip.b.example"),
            ("pbx.b.example", "*.b.example"),
            ("other.example", "first.example"),
            ("", "first.example"),
        ):
            assert await certificate_seen(listener, trusting(*files), asked) == {seen}

    def test_addresses_are_names_too(self, tmp_path: Path) -> None:
        files = certificate(tmp_path, "sip.example.org", "192.0.2.1")
        assert names_of(files.chain) == ["sip.example.org", "192.0.2.1"]

    def test_a_certificate_without_names(self, tmp_path: Path) -> None:
        """As old tools make them, with a common name alone, which means nothing (RFC 6125 §6.4.4)."""
        key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        made = builder.serial_number(1).not_valid_before(NOW).not_valid_after(NOW).sign(key, hashes.SHA256())
        path = tmp_path / "old.pem"
        path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        assert names_of(path) == []

    def test_a_file_that_is_gone(self, tmp_path: Path) -> None:
        with pytest.raises(BadCertificate, match=r"none\.pem holds no certificate"):
            names_of(tmp_path / "none.pem")


class TestReload:
    async def test_new_connections_get_the_new_certificate_and_old_ones_stand(
        self, started: list[Endpoint], core: RecordingCore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        old = certificate(tmp_path, "old.example", file="sip")
        contexts = TlsContexts(TlsFiles([old]))
        listener = await start(started, core, contexts)
        phone = await asyncio.open_connection(*reach(listener), ssl=trusting(old), server_hostname="old.example")
        assert b"200 OK" in await exchange(*phone, "1")
        new = certificate(tmp_path, "new.example", file="sip")
        assert contexts.have_changed()
        started[0].reload_certificates()
        assert not contexts.have_changed()
        assert await certificate_seen(listener, trusting(new), None) == {"new.example"}
        assert b"200 OK" in await exchange(*phone, "2")
        phone[1].close()

    async def test_a_change_of_the_file_is_noticed(
        self, started: list[Endpoint], core: RecordingCore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(network, "CERTIFICATE_INTERVAL", 0.01)
        contexts = TlsContexts(TlsFiles([certificate(tmp_path, "old.example", file="sip")]))
        listener = await start(started, core, contexts)
        new = certificate(tmp_path, "new.example", file="sip")
        async with asyncio.timeout(PATIENCE):
            while contexts.have_changed():
                await asyncio.sleep(0.01)
        assert await certificate_seen(listener, trusting(new), None) == {"new.example"}

    async def test_a_broken_file_changes_nothing_and_is_said(
        self, started: list[Endpoint], core: RecordingCore, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        old = certificate(tmp_path, "old.example", file="sip")
        trusted = trusting(old)
        listener = await start(started, core, TlsContexts(TlsFiles([old])))
        old.chain.write_text("-----BEGIN CERTIFICATE-----\nhalf of it")
        with pytest.raises(BadCertificate, match=r"sip\.pem"):
            started[0].reload_certificates()
        assert await certificate_seen(listener, trusted, None) == {"old.example"}


class TestBadFiles:
    """One line that names the file."""

    def test_they_are_named(self, tmp_path: Path) -> None:
        good, other = certificate(tmp_path, "a.example"), certificate(tmp_path, "b.example")
        empty = tmp_path / "empty.pem"
        empty.write_text("")
        for files, words in (
            (TlsFiles([CertificateFiles(tmp_path / "none.pem", good.key)]), "none.pem"),
            (TlsFiles([CertificateFiles(good.chain, other.key)]), "no certificate with its key"),
            (TlsFiles([good], client_ca=empty), "empty.pem"),
            (TlsFiles([good], server_ca=tmp_path / "none.pem"), "none.pem cannot be read"),
        ):
            with pytest.raises(BadCertificate, match=words):
                TlsContexts(files)

    def test_a_listener_without_any(self, core: RecordingCore) -> None:
        with pytest.raises(BadCertificate, match="wss needs a certificate"):
            Endpoint([ListenAddress("wss", "127.0.0.1", 0)], core).bind()


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
@pytest.mark.threat(30)
class TestWeakness:
    @pytest.mark.parametrize(
        "weaken",
        [
            lambda context: setattr(context, "maximum_version", ssl.TLSVersion.TLSv1_1),
            lambda context: (
                setattr(context, "maximum_version", ssl.TLSVersion.TLSv1_2),
                context.set_ciphers("ECDHE-ECDSA-AES128-SHA:AES128-SHA:@SECLEVEL=0"),
            ),
        ],
        ids=["TLS 1.1", "CBC suites"],
    )
    async def test_old_versions_and_suites_are_refused(
        self, started: list[Endpoint], core: RecordingCore, tmp_path: Path, weaken: object
    ) -> None:
        files = certificate(tmp_path, "localhost")
        listener = await start(started, core, TlsContexts(TlsFiles([files])))
        context = trusting(files)
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        weaken(context)  # type: ignore[operator]
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await asyncio.open_connection(*reach(listener), ssl=context, server_hostname="localhost")
        await eventually(started[0], "tls_handshake_failed")

    def test_every_suite_has_forward_secrecy_and_authenticates(self, tmp_path: Path) -> None:
        contexts = loopback_tls(tmp_path)
        for context in (contexts.accepting, contexts.dialling):
            for suite in context.get_ciphers():
                assert suite["aead"] and ("ECDHE" in suite["name"] or suite["name"].startswith("TLS_")), suite["name"]


@pytest.mark.threat(20)
class TestHandshake:
    """What never gets as far as SIP."""

    async def test_it_has_to_be_over_in_time(
        self, started: list[Endpoint], core: RecordingCore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(tls, "HANDSHAKE_INTERVAL", 0.05)
        listener = await start(started, core, loopback_tls(tmp_path))
        reader, writer = await asyncio.open_connection(*reach(listener))
        writer.write(b"\x16\x03\x01")  # the first bytes of a ClientHello, and no more
        await eventually(started[0], "tls_handshake_failed")
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await asyncio.wait_for(reader.readexactly(1), PATIENCE)
        writer.close()

    async def test_one_that_is_not_over_counts(
        self, started: list[Endpoint], core: RecordingCore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from sip.transport import connections

        monkeypatch.setattr(connections, "MAX_CONNECTIONS_PER_SOURCE", 2)
        contexts = loopback_tls(tmp_path)
        listener = await start(started, core, contexts)
        silent = [await asyncio.open_connection(*reach(listener)) for _ in range(2)]
        refused, _ = await asyncio.open_connection(*reach(listener))
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await asyncio.wait_for(refused.readexactly(1), PATIENCE)
        assert started[0].count["too_many_connections"] == 1
        for _, writer in silent:
            writer.close()
        async with asyncio.timeout(PATIENCE):
            while started[0].count["tls_handshake_failed"] < 2:
                await asyncio.sleep(0.005)
        phone = await asyncio.open_connection(*reach(listener), ssl=contexts.dialling, server_hostname="127.0.0.1")
        assert b"200 OK" in await exchange(*phone, "1")
        phone[1].close()

    async def test_what_is_no_tls(self, started: list[Endpoint], core: RecordingCore, tmp_path: Path) -> None:
        listener = await start(started, core, loopback_tls(tmp_path))
        _reader, writer = await asyncio.open_connection(*reach(listener))
        writer.write(request_text(protocol="TLS"))
        await eventually(started[0], "tls_handshake_failed")
        assert core.transactions == []
        writer.close()

    async def test_one_that_is_gone_when_it_is_over(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The far end may go between its last packet and our hearing of it."""
        failed: list[str] = []
        connection = StreamConnection(Owner(), "tls", ("127.0.0.1", 5061))
        tasks: set[asyncio.Task[None]] = set()
        handshake = TlsHandshake(loopback_tls(tmp_path).accepting, connection, lambda host: True, failed.append, tasks)

        async def start_tls(*arguments: object, **options: object) -> Cable:
            connection.connection_lost(None)
            return Cable()

        monkeypatch.setattr(asyncio.get_running_loop(), "start_tls", start_tls)
        monkeypatch.setattr(Cable, "pause_reading", lambda cable: None, raising=False)
        handshake.connection_made(Cable())
        await asyncio.gather(*tasks)
        assert failed == ["127.0.0.1"] and not connection.was_open

    async def test_stopping_in_the_middle(self, core: RecordingCore, tmp_path: Path) -> None:
        endpoints: list[Endpoint] = []
        listener = await start(endpoints, core, loopback_tls(tmp_path))
        reader, writer = await asyncio.open_connection(*reach(listener))
        writer.write(b"\x16")
        await asyncio.sleep(0)
        await endpoints[0].stop()
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await asyncio.wait_for(reader.readexactly(1), PATIENCE)
        writer.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "0.0.0.0"])
@pytest.mark.rfc("3261", "18.2.1")
async def test_both_ways(started: list[Endpoint], core: RecordingCore, tmp_path: Path, host: str) -> None:
    if ":" in host and not has_ipv6():
        pytest.skip("no IPv6 on this machine")
    contexts = loopback_tls(tmp_path, "127.0.0.1", "::1", "127.0.0.2")
    bob = await start(started, core, contexts, host)
    await start(started, RecordingCore(), contexts, host)
    alice = started[1]
    closed: asyncio.Queue[Flow] = asyncio.Queue()
    started[0].when_flow_closes(closed.put_nowait)
    for number in (1, 2):
        answered = asyncio.Event()
        user = RecordingUser(lambda transaction, response, answered=answered: answered.set())
        alice.send_request(options_request(), NextHop("tls", *reach(bob)), user)
        await asyncio.wait_for(answered.wait(), PATIENCE)
        assert user.statuses == [200] and len(core.transactions) == number
    flows = {transaction.flow.id for transaction in core.transactions}
    assert len(flows) == 1 and flows.pop().startswith("tls:")  # one connection for both
    via = core.transactions[0].request.via
    assert via.transport == "TLS" and via.port == alice.listeners[0].port
    await alice.stop()
    started.remove(alice)
    assert (await asyncio.wait_for(closed.get(), PATIENCE)).protocol == "tls"


class TestVerification:
    """Whom we dial must be who the URI named (RFC 5922 §4)."""

    async def failures(self, started: list[Endpoint], tmp_path: Path, files: TlsFiles, hop: NextHop) -> list[int]:
        await start(started, RecordingCore(), TlsContexts(files))
        failed = asyncio.Event()
        user = RecordingUser()
        user.failed = lambda transaction, status, now: (user.failures.append(status), failed.set())  # type: ignore[method-assign,assignment]
        started[-1].send_request(options_request(), hop, user)
        await asyncio.wait_for(failed.wait(), PATIENCE)
        return user.failures

    @pytest.mark.rfc("3261", "26.3.1")
    async def test_the_name_decides_not_the_address(
        self, started: list[Endpoint], core: RecordingCore, tmp_path: Path
    ) -> None:
        theirs = certificate(tmp_path, "b.example")
        bob = await start(started, core, TlsContexts(TlsFiles([theirs])))
        ours = TlsFiles([certificate(tmp_path, "a.example")], server_ca=theirs.chain)
        for name in ("", "a.example", "." * 9):
            assert await self.failures(started, tmp_path, ours, NextHop("tls", *reach(bob), name=name)) == [503]
        assert core.transactions == []
        answered = asyncio.Event()
        user = RecordingUser(lambda transaction, response: answered.set())
        started[-1].send_request(options_request(), NextHop("tls", *reach(bob), name="b.example"), user)
        await asyncio.wait_for(answered.wait(), PATIENCE)

    async def test_an_unknown_authority(self, started: list[Endpoint], core: RecordingCore, tmp_path: Path) -> None:
        bob = await start(started, core, loopback_tls(tmp_path))
        ours = TlsFiles([certificate(tmp_path, "a.example")])
        assert await self.failures(started, tmp_path, ours, NextHop("tls", *reach(bob))) == [503]
        assert core.transactions == []

    async def test_an_accepted_connection_is_nobody_by_its_port(
        self, started: list[Endpoint], core: RecordingCore, tmp_path: Path
    ) -> None:
        """RFC 5923 §9: else a user of the same machine could take a server's calls by dialling from its port."""
        contexts = loopback_tls(tmp_path)
        listener = await start(started, core, contexts)
        phone = await asyncio.open_connection(*reach(listener), ssl=contexts.dialling, server_hostname="127.0.0.1")
        await exchange(*phone, "1")
        flow = core.transactions[0].flow
        user = RecordingUser()
        started[0].send_request(options_request(), NextHop("tls", *flow.remote), user)
        await eventually(started[0], "connect_failed")
        # By its flow it is reached, which is how bindings and dialogs name it.
        started[0].send_request(options_request(), NextHop.on(flow), None)
        assert (await asyncio.wait_for(phone[0].readuntil(b"\r\n\r\n"), PATIENCE)).startswith(b"OPTIONS ")
        phone[1].close()


class TestClientCertificates:
    """Optional, for trunks: the flow knows the names that were proved."""

    async def test_with_and_without(self, started: list[Endpoint], core: RecordingCore, tmp_path: Path) -> None:
        server, trunk = certificate(tmp_path, "localhost"), certificate(tmp_path, "Trunk.example", "127.0.0.1")
        listener = await start(started, core, TlsContexts(TlsFiles([server], client_ca=trunk.chain)))
        for has_one in (False, True):
            context = trusting(server)
            if has_one:
                context.load_cert_chain(*trunk)
            phone = await asyncio.open_connection(*reach(listener), ssl=context, server_hostname="localhost")
            await exchange(*phone, str(has_one))
            phone[1].close()
        assert [transaction.flow.certified for transaction in core.transactions] == [set(), {"trunk.example"}]

    async def test_of_an_unknown_authority(self, started: list[Endpoint], core: RecordingCore, tmp_path: Path) -> None:
        server, trunk = certificate(tmp_path, "localhost"), certificate(tmp_path, "trunk.example")
        other = certificate(tmp_path, "mallory.example")
        listener = await start(started, core, TlsContexts(TlsFiles([server], client_ca=trunk.chain)))
        context = trusting(server)
        context.load_cert_chain(*other)
        with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
            phone = await asyncio.open_connection(*reach(listener), ssl=context, server_hostname="localhost")
            await exchange(*phone, "1")
        assert core.transactions == []
