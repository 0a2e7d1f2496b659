"""Mallory sends what no phone sends: the server answers what can be answered, stays up, and logs no traceback."""

from __future__ import annotations

import random
import re
import secrets
import socket
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from tests.end_to_end.enrolment import Enrolment
from tests.end_to_end.product import Product

ANSWER_DEADLINE = 5.0  # seconds for an answer that must come
SEED = 3261


@pytest.fixture(scope="module")
def domain(product: Product) -> Enrolment:
    return Enrolment(product, "hostile.test", {"alice": "", "bob": ""}, settings=["auth_register=off", "auth_call=off"])


class Mallory:
    """A UDP socket that writes its own messages."""

    def __init__(self, server: tuple[str, int]) -> None:
        self.server = server
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(ANSWER_DEADLINE)
        self.address = f"127.0.0.1:{self.socket.getsockname()[1]}"
        self.word = secrets.token_hex(4)  # or her requests would be merged with those of another test (§8.2.2.2)
        self.count = 0

    def message(self, method: str = "OPTIONS", uri: str = "", **changes: str) -> bytes:
        """A good request; ``changes`` replace whole lines by the name of the header field, "" drops one."""
        self.count += 1
        host, port = self.server
        lines = {
            "start": f"{method} {uri or f'sip:{host}:{port}'} SIP/2.0",
            "via": f"Via: SIP/2.0/UDP {self.address};branch=z9hG4bK{self.word}{self.count};rport",
            "max_forwards": "Max-Forwards: 70",
            "from_": "From: <sip:mallory@elsewhere.test>;tag=1",
            "to": "To: <sip:bob@hostile.test>",
            "call_id": f"Call-ID: {self.count}@{self.word}",
            "cseq": f"CSeq: 1 {method}",
            "more": "",
            "length": "Content-Length: 0",
        } | changes
        body = lines.pop("body", "")
        return ("\r\n".join(line for line in lines.values() if line) + "\r\n\r\n" + body).encode(
            "utf-8", "surrogateescape"
        )

    def send(self, data: bytes) -> None:
        self.socket.sendto(data, self.server)

    def status(self, data: bytes) -> int:
        """Final status of the answer."""
        self.send(data)
        while True:
            answer = self.socket.recv(65535)
            if answer.startswith(b"SIP/2.0 ") and not answer.startswith(b"SIP/2.0 1"):
                return int(answer[8:11])

    def is_answered(self) -> bool:
        """OPTIONS to the server itself: late answers to other things are passed over."""
        probe = self.message()
        call_id = f"{self.count}@{self.word}".encode()
        self.send(probe)
        while True:
            answer = self.socket.recv(65535)
            if b"Call-ID: " + call_id + b"\r\n" in answer:
                return answer.startswith(b"SIP/2.0 200")


@pytest.fixture
def mallory(domain: Enrolment) -> Iterator[Mallory]:
    mallory = Mallory(domain.server)
    before = tracebacks(domain.product)
    with closing(mallory.socket):
        yield mallory
        assert mallory.is_answered()
    new = tracebacks(domain.product)[len(before) :]
    assert not new, "\n".join(new)


def tracebacks(product: Product) -> list[str]:
    return re.findall(r"Traceback \(most recent call last\)(?:.*\n){0,40}?\S*(?:Error|Exception).*", logs(product))


def logs(product: Product) -> str:
    files = sorted((product.data / "log").glob("*.log"))
    return "\n".join(file.read_text(errors="replace") for file in files) + "\n".join(product.output)


class TestRefusals:
    """§8.2, §16.3, §21.4: what is wrong is said; nothing is stored."""

    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            ({"cseq": "CSeq: many OPTIONS"}, {400}),
            ({"cseq": "CSeq: 4294967296 OPTIONS"}, {400}),
            ({"cseq": "CSeq: 1 INVITE"}, {400}),
            ({"from_": 'From: "Mallory <sip:m@elsewhere.test>;tag=1'}, {400}),
            ({"to": "To: <sip:bob@hostile.test"}, {400}),
            ({"call_id": ""}, {400}),
            ({"length": "Content-Length: 9999"}, {400}),
            ({"length": "Content-Length: -1"}, {400}),
            ({"more": "Content-Length: 5"}, {400}),
            ({"more": "CSeq: 2 OPTIONS"}, {400}),
            ({"start": "OPTIONS sip:127.0.0.1 SIP/7.0"}, {505}),
            ({"start": "OPTIONS mailto:bob@hostile.test SIP/2.0"}, {416}),
            ({"more": "Require: time-travel"}, {420}),
        ],
        ids=lambda value: next(iter(value.values()))[:36] or next(iter(value)) if isinstance(value, dict) else "",
    )
    def test_is_refused(self, mallory: Mallory, changes: dict[str, str], expected: set[int]) -> None:
        assert mallory.status(mallory.message(**changes)) in expected

    def test_proxy_require_of_a_proxied_request(self, mallory: Mallory) -> None:
        data = mallory.message("INVITE", "sip:bob@hostile.test", more="Proxy-Require: time-travel")
        assert mallory.status(data) == 420

    def test_no_hops_left(self, mallory: Mallory) -> None:
        data = mallory.message("MESSAGE", "sip:bob@hostile.test", max_forwards="Max-Forwards: 0")
        assert mallory.status(data) == 483

    def test_more_hops_than_there_can_be(self, mallory: Mallory) -> None:
        data = mallory.message("MESSAGE", "sip:bob@hostile.test", max_forwards="Max-Forwards: 4000")
        assert mallory.status(data) == 400

    @pytest.mark.parametrize("method", ["SUBSCRIBE", "FROBNICATE", "BYE", "INFO"])
    def test_method_meant_for_nobody(self, mallory: Mallory, method: str) -> None:
        assert mallory.status(mallory.message(method)) in {405, 481, 489, 501}

    def test_cancel_of_nothing(self, mallory: Mallory) -> None:
        assert mallory.status(mallory.message("CANCEL", "sip:bob@hostile.test")) in {200, 404, 480, 481}

    @pytest.mark.parametrize("tag", ["", ";tag=stolen"])
    def test_stranger_cannot_relay_to_another_domain(self, mallory: Mallory, tag: str) -> None:
        """P27: neither a new request nor one that claims to be inside a dialog."""
        to = f"To: <sip:victim@elsewhere.test>{tag}"
        data = mallory.message("MESSAGE", f"sip:victim@{mallory.address}", to=to)
        assert mallory.status(data) in {403, 404, 407, 481}


class TestRegister:
    """§10.3: all or nothing."""

    def register(self, mallory: Mallory, *contacts: str, **changes: str) -> int:
        lines = "\r\n".join(f"Contact: {contact}" for contact in contacts)
        return mallory.status(mallory.message("REGISTER", "sip:hostile.test", more=lines, **changes))

    @pytest.mark.rule("R17")
    @pytest.mark.parametrize(
        "contact",
        [
            "<sip:bob@127.0.0.1:70000>",
            "<sip:bob@127.0.0.1>;q=7",
            "<sip:bob@127.0.0.1;transport>;q=",
            "sip:bob@127.0.0.1?subject=a,b",
            '"bob <sip:bob@127.0.0.1>',
            "*",
            "*;expires=0",
            "<sip:bob@[::1>",
            "<>",
        ],
    )
    def test_one_bad_contact_spoils_all(self, mallory: Mallory, domain: Enrolment, contact: str) -> None:
        assert self.register(mallory, "<sip:bob@127.0.0.1:5999>", contact) == 400
        assert domain.bindings("bob") == []

    def test_thousand_contacts(self, mallory: Mallory, domain: Enrolment) -> None:
        contacts = [f"<sip:b@127.0.0.1:{port}>" for port in range(2000, 3000)]
        assert self.register(mallory, ", ".join(contacts)) >= 400
        assert domain.bindings("bob") == []

    def test_user_in_the_request_uri(self, mallory: Mallory) -> None:
        data = mallory.message("REGISTER", "sip:bob@hostile.test", more="Contact: <sip:b@127.0.0.1>")
        assert mallory.status(data) in {200, 400}

    def test_control_characters_and_markup_do_not_reach_the_log_raw(self, mallory: Mallory, domain: Enrolment) -> None:
        for name in ("<script>alert(1)</script>", "\x1b[31mred", "a\x7fb", "\udcff\udcfe"):
            data = mallory.message(
                "REGISTER", "sip:hostile.test", more=f"User-Agent: {name}\r\nContact: <sip:b@{name}>"
            )
            mallory.status(data)
        assert "\x1b[31m" not in logs(domain.product)
        assert domain.bindings("bob") == []


class TestNoise:
    """What is no SIP at all is dropped, whatever it is."""

    def test_random_bytes(self, mallory: Mallory) -> None:
        noise = random.Random(SEED)
        for _ in range(300):
            mallory.send(noise.randbytes(noise.randrange(1, 1500)))

    def test_every_beginning_of_a_message(self, mallory: Mallory) -> None:
        data = mallory.message("INVITE", "sip:bob@hostile.test", more="Contact: <sip:m@127.0.0.1>")
        for end in range(len(data) - 1):
            mallory.send(data[:end])

    @pytest.mark.parametrize("method", ["INVITE", "REGISTER", "CANCEL", "ACK", "BYE", "MESSAGE"])
    def test_messages_with_a_few_bytes_changed(self, mallory: Mallory, method: str) -> None:
        noise = random.Random(f"{SEED}{method}")
        for _ in range(200):
            more = "Contact: <sip:m@127.0.0.1:9>;q=0.5;expires=60\r\nRoute: <sip:127.0.0.1:9;lr>\r\nSupported: path"
            data = bytearray(mallory.message(method, "sip:bob@hostile.test", more=more))
            for _ in range(noise.randrange(1, 6)):
                data[noise.randrange(len(data))] = noise.randrange(256)
            mallory.send(bytes(data))

    def test_responses_to_nothing(self, mallory: Mallory) -> None:
        for status in (100, 180, 200, 302, 401, 486, 603, 699):
            for via in (mallory.address, f"{mallory.server[0]}:{mallory.server[1]}"):
                line = f"Via: SIP/2.0/UDP {via};branch=z9hG4bKno{status}"
                mallory.send(mallory.message("INVITE", start=f"SIP/2.0 {status} Whatever", via=line))

    @pytest.mark.parametrize(
        "more",
        [
            "X-Long: " + "a" * 50_000,
            "\r\n".join(f"X-{number}: many" for number in range(3000)),
            "\r\n".join(f"Via: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK{number}" for number in range(600)),
            "\r\n".join("Route: <sip:127.0.0.1:9;lr>" for _ in range(600)),
            "Contact: " + "<" * 20_000,
            "Authorization: Digest " + "a=b," * 10_000,
            "Subject: " + "\r\n " * 10_000 + "end",
            "Contact: " + '"\\' * 20_000,
        ],
        ids=["long line", "many lines", "many Vias", "many Routes", "brackets", "parameters", "folds", "quotes"],
    )
    @pytest.mark.parametrize("method", ["REGISTER", "INVITE"])
    def test_oversized_parts(self, mallory: Mallory, method: str, more: str) -> None:
        uri = "sip:hostile.test" if method == "REGISTER" else "sip:bob@hostile.test"
        mallory.send(mallory.message(method, uri, more=more))


class TestStreams:
    """§18.3 over TCP."""

    @pytest.mark.parametrize(
        "data",
        [
            lambda m: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
            lambda m: b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n",
            lambda m: m.message("INVITE", length="Content-Length: 99999999999999999999"),
            lambda m: m.message("INVITE", length="Content-Length: -5"),
            lambda m: m.message("INVITE", length=""),
            lambda m: b"\r\n" * 50_000,
            lambda m: b"A" * 200_000,
            lambda m: m.message() * 200,
        ],
        ids=["TLS", "HTTP", "huge length", "negative length", "no length", "CRLF flood", "endless line", "burst"],
    )
    def test_stream(self, mallory: Mallory, data: Callable[[Mallory], bytes]) -> None:
        with closing(socket.create_connection(mallory.server, timeout=ANSWER_DEADLINE)) as stream:
            try:
                stream.sendall(data(mallory))
                stream.shutdown(socket.SHUT_WR)
                while stream.recv(65536):
                    pass
            except TimeoutError:
                pytest.fail("the connection is neither answered nor closed after our end of it was")
            except OSError:
                pass  # refused by closing, before or after all was sent: as good an answer as any

    def test_hundred_open_connections_that_say_nothing(self, mallory: Mallory) -> None:
        streams = [socket.create_connection(mallory.server, timeout=ANSWER_DEADLINE) for _ in range(100)]
        assert mallory.is_answered()
        for stream in streams:
            stream.close()
