"""Mallory guesses passwords at the running product: she is banned, and nobody else (threats 5 to 7)."""

from __future__ import annotations

import hashlib
import re
import secrets
import socket
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from tests.end_to_end.enrolment import Enrolment
from tests.end_to_end.product import Product, wait_until

ANSWER_DEADLINE = 5.0


@pytest.fixture(scope="module")
def domain(product: Product) -> Enrolment:
    return Enrolment(product, "bans.test", {"bob": "", "carol": ""})


class Guesser:
    """A UDP socket at an address of its own, which answers challenges with passwords it makes up."""

    def __init__(self, server: tuple[str, int], host: str) -> None:
        self.server = server
        self.host = host
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, 0))
        self.socket.settimeout(ANSWER_DEADLINE)
        self.word = secrets.token_hex(4)
        self.count = 0

    def register(self, user: str, credentials: str = "") -> None:
        self.count += 1
        port = self.socket.getsockname()[1]
        lines = [
            "REGISTER sip:bans.test SIP/2.0",
            f"Via: SIP/2.0/UDP {self.host}:{port};branch=z9hG4bK{self.word}{self.count};rport",
            "Max-Forwards: 70",
            f"From: <sip:{user}@bans.test>;tag={self.word}",
            f"To: <sip:{user}@bans.test>",
            f"Call-ID: {self.word}",
            f"CSeq: {self.count} REGISTER",
            *([f"Authorization: {credentials}"] if credentials else []),
            "Content-Length: 0",
        ]
        self.socket.sendto(("\r\n".join(lines) + "\r\n\r\n").encode(), self.server)

    def answer(self) -> str:
        while True:
            text = self.socket.recv(65535).decode()
            if f"CSeq: {self.count} REGISTER" in text:
                return text

    def nonce(self, user: str = "bob") -> str:
        self.register(user)
        found = re.search('nonce="([0-9a-f]+)"', self.answer())
        assert found is not None
        return found[1]

    def credentials(self, user: str, password: str, nonce: str) -> str:
        def digest(text: str) -> str:
            return hashlib.sha256(text.encode()).hexdigest()

        known, asked = digest(f"{user}:bans.test:{password}"), digest("REGISTER:sip:bans.test")
        count = f"{self.count:08x}"
        response = digest(f"{known}:{nonce}:{count}:c:auth:{asked}")
        return (
            f'Digest username="{user}", realm="bans.test", nonce="{nonce}", uri="sip:bans.test", algorithm=SHA-256, '
            f'qop=auth, nc={count}, cnonce="c", response="{response}"'
        )

    def is_let_in(self, user: str, password: str) -> bool:
        nonce = self.nonce(user)
        self.register(user, self.credentials(user, password, nonce))
        return "SIP/2.0 200" in self.answer()

    def is_answered(self) -> bool:
        """Whether anything comes back at all."""
        self.register("bob")
        self.socket.settimeout(0.5)
        try:
            return bool(self.answer())
        except TimeoutError:
            return False
        finally:
            self.socket.settimeout(ANSWER_DEADLINE)


@pytest.fixture
def guesser(domain: Enrolment) -> Iterator[Callable[[str], Guesser]]:
    opened: list[Guesser] = []

    def at(host: str) -> Guesser:
        opened.append(Guesser(domain.server, host))
        return opened[-1]

    yield at
    for one in opened:
        with closing(one.socket):
            pass


def bans(domain: Enrolment) -> list[dict[str, object]]:
    return domain._rows("SELECT * FROM security_ban ORDER BY id")


@pytest.mark.threat(6)
def test_who_guesses_is_banned_and_the_owner_elsewhere_is_not(
    domain: Enrolment, guesser: Callable[[str], Guesser]
) -> None:
    mallory, bob = guesser("127.0.0.66"), guesser("127.0.0.10")
    nonce = mallory.nonce()
    for number in range(30):
        mallory.register("bob", mallory.credentials("bob", f"guess {number}", nonce))
    assert wait_until(lambda: [row["source"] for row in bans(domain)] == ["127.0.0.66"])
    assert not mallory.is_answered()
    assert bob.is_let_in("bob", domain.passwords["bob"])
    # She is banned for as long as the row says, whatever happens to the process.
    assert bans(domain)[0]["reason"] == "20 x the same user tried again and again, 5 x wrong password within 10 minutes"


@pytest.mark.threat(7)
def test_an_answer_to_somebody_elses_nonce_bans_nobody(domain: Enrolment, guesser: Callable[[str], Guesser]) -> None:
    """Threat 7: whoever forges the address of a victim cannot see the nonces that are made for it."""
    mallory, victim = guesser("127.0.0.67"), guesser("127.0.0.77")
    nonce = mallory.nonce()  # a good one, but made for her
    for number in range(50):
        # As if she had forged the source: the datagram leaves from the victim's address.
        victim.register("carol", victim.credentials("carol", f"guess {number}", nonce))
    for _ in range(50):
        victim.register("carol", victim.credentials("carol", "guess", "made-up"))
    assert victim.is_let_in("carol", domain.passwords["carol"])
    assert "127.0.0.77" not in [row["source"] for row in bans(domain)]


@pytest.mark.threat(5)
def test_known_and_unknown_users_get_the_same_answers(domain: Enrolment, guesser: Callable[[str], Guesser]) -> None:
    """Threat 5."""

    def shape(text: str) -> str:
        text = re.sub(r'nonce="[0-9a-f]+"|tag=\w+|branch=\w+|CSeq: \d+|rport=\d+', "", text)
        return text.replace("nobody", "bob")

    alice = guesser("127.0.0.78")
    shapes = set()
    for user in ("bob", "nobody"):
        nonce = alice.nonce(user)
        alice.register(user, alice.credentials(user, "guess", nonce))
        shapes.add(shape(alice.answer()))
    assert len(shapes) == 1


def test_the_page_shows_it_as_it_happens_and_undoes_it(domain: Enrolment, guesser: Callable[[str], Guesser]) -> None:
    browser = pytest.importorskip("tests.end_to_end.browser", exc_type=ImportError)
    if browser.CHROMIUM is None:
        pytest.skip("no chromium on this machine")
    file = domain.product.data / "warden-password"
    file.write_text(browser.PASSWORD)
    domain.product.manage("createadmin", "warden", "--password-file", str(file))
    mallory = guesser("127.0.0.68")
    with browser.sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser.CHROMIUM, args=browser.ARGUMENTS)
        with browser.watched_page(chromium, domain.product.http) as page:
            browser.log_in(page, "warden")
            page.goto("/security/")
            addresses = [row["address"] for row in domain._rows("SELECT * FROM security_consolepresence")]
            assert set(addresses) == {"127.0.0.1"}  # hers, which is never banned
            nonce = mallory.nonce("carol")
            for number in range(8):
                mallory.register("carol", mallory.credentials("carol", f"guess {number}", nonce))
            page.wait_for_selector("[data-rows=sources] tr:has-text('127.0.0.68')")
            for number in range(30):
                mallory.register("carol", mallory.credentials("carol", f"guess more {number}", nonce))
            page.wait_for_selector("[data-rows=bans] tr:has-text('127.0.0.68')")
            assert not mallory.is_answered()
            page.click("[data-rows=bans] tr:has-text('127.0.0.68') button:has-text('Undo')")
            page.wait_for_selector("text=127.0.0.68 is banned no more. Active now on the engine.")
            assert mallory.is_answered()
        chromium.close()
