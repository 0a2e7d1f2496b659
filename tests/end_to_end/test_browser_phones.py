"""JsSIP in a real browser registers over WebSocket and calls another one (RFC 7118)."""

from __future__ import annotations

import functools
import socket
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.browser import ARGUMENTS, CHROMIUM, DEADLINE, sync_api, watched_page
from tests.end_to_end.enrolment import Enrolment
from tests.end_to_end.product import Product, free_port

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine"),
    pytest.mark.rule("X16"),
    pytest.mark.rfc("7118", "5"),
]

# The server's own certificate, which nobody else has signed.
TRUST = [
    "--ignore-certificate-errors",
    "--allow-loopback-in-peer-connection",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """Address of the phone's page."""
    folder = str(Path(__file__).parent / "jssip")
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


class Server:
    """The product with a listener of each kind for browsers."""

    def __init__(self, folder: Path, **environment: str) -> None:
        ports = [free_port(socket.SOCK_STREAM) for _ in range(2)]
        self.urls = {"ws": f"ws://127.0.0.1:{ports[0]}/", "wss": f"wss://127.0.0.1:{ports[1]}/"}
        self.product = Product(folder, **environment)
        self.product.launch("--sip", f"ws:127.0.0.1:{ports[0]}", "--sip", f"wss:127.0.0.1:{ports[1]}")
        self.product.wait_ready()
        self.domain = Enrolment(self.product, "pages.test", {"alice": "", "bob": ""})


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    found = Server(tmp_path_factory.mktemp("pages"))
    yield found
    found.product.stop()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, *TRUST])
        yield running
        running.close()


class PagePhone:
    def __init__(self, page: Any, server: Server, user: str, protocol: str) -> None:
        self.page = page
        page.goto("/index.html")
        page.evaluate(
            "([url, uri, password]) => start(url, uri, password)",
            [server.urls[protocol], server.domain.aor(user), server.domain.passwords[user]],
        )

    def saw(self, event: str) -> None:
        """Wait until it has seen that, since the last time."""
        self.page.wait_for_function(
            "event => seen.includes(event) && seen.splice(0, seen.indexOf(event) + 1)",
            arg=event,
            timeout=DEADLINE * 2,
        )


@pytest.mark.parametrize(("of_alice", "of_bob"), [("ws", "ws"), ("wss", "wss"), ("ws", "wss")])
def test_two_pages_call_each_other(chromium: Any, site: str, server: Server, of_alice: str, of_bob: str) -> None:
    domain = server.domain
    domain.forget_calls()
    with watched_page(chromium, site) as one, watched_page(chromium, site) as other:
        alice, bob = PagePhone(one, server, "alice", of_alice), PagePhone(other, server, "bob", of_bob)
        alice.saw("registered")
        bob.saw("registered")
        [binding] = domain.wait_for_bindings("bob", 1)
        assert ".invalid" in binding["contact"] and binding["transport"] == of_bob
        one.evaluate("uri => call(uri)", domain.aor("bob"))
        bob.saw("confirmed")  # with the ACK
        alice.saw("confirmed")
        other.evaluate("session.terminate()")  # from the callee's side: by the Record-Route to the caller's connection
        alice.saw("ended Terminated")
        attempt = domain.attempt("bob")
        assert (attempt["state"], attempt["status"]) == ("answered", 200)
        for phone in (alice, bob):
            phone.page.evaluate("ua.stop()")
            phone.saw("unregistered")
    domain.wait_for_bindings("bob", 0)


def test_a_message_from_page_to_page(chromium: Any, site: str, server: Server) -> None:
    with watched_page(chromium, site) as one, watched_page(chromium, site) as other:
        alice, bob = PagePhone(one, server, "alice", "ws"), PagePhone(other, server, "bob", "wss")
        alice.saw("registered")
        bob.saw("registered")
        one.evaluate("uri => ua.sendMessage(uri, 'Grüße')", server.domain.aor("bob"))
        bob.saw("message Grüße")
        for phone in (alice, bob):
            phone.page.evaluate("ua.stop()")
            phone.saw("unregistered")


@pytest.mark.threat(28)
def test_a_foreign_page_is_not_let_in(chromium: Any, site: str, server: Server) -> None:
    """The same page, by a name that is none of the server's."""
    context = chromium.new_context()
    page = context.new_page()
    page.route(
        "http://evil.example/**", lambda route: route.fulfill(path=Path(__file__).parent / "jssip" / "index.html")
    )
    page.goto("http://evil.example/index.html")
    outcome = page.evaluate(
        "url => new Promise((done) => { const socket = new WebSocket(url, 'sip');"
        " socket.onopen = () => done('open'); socket.onerror = () => done('refused'); })",
        server.urls["ws"],
    )
    context.close()
    assert outcome == "refused"
