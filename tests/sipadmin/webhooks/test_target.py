"""Where messages may go, and where not."""

import socket
import threading
from ipaddress import ip_address, ip_network

import pytest

from sipadmin.webhooks import target
from sipadmin.webhooks.target import TargetRefused, check_url, is_public, may_connect, seconds, send
from tests.sipadmin.webhooks.receiver import receiver

LOOPBACK = [ip_network("127.0.0.0/8")]


class TestUrl:
    @pytest.mark.parametrize(
        "url",
        ["https://example.org", "http://example.org:8080/a?b=c", "https://[2001:db8::1]/", "HTTPS://EXAMPLE.ORG/"],
    )
    def test_it_works(self, url):
        assert check_url(url).hostname

    @pytest.mark.parametrize(
        "url",
        [
            "", "example.org", "ftp://example.org/", "file:///etc/passwd", "https://", "https:///x", "http://a:b@example.org/",
            "http://a@example.org/", "https://example.org/#x", "https://exa mple.org/", "https://example.org:99999/",
            "https://[::1", "https://example.org/\r\nX: y", "https://exämple.org/", "https://example.org/" + "x" * 500,
            "gopher://example.org", "javascript:alert(1)",
        ],
    )  # fmt: skip
    def test_refusals(self, url):
        with pytest.raises(TargetRefused):
            check_url(url)


class TestAddresses:
    @pytest.mark.parametrize("text", ["93.184.215.14", "2606:2800:220:1::1", "::ffff:93.184.215.14"])
    def test_public(self, text):
        assert is_public(ip_address(text))

    @pytest.mark.parametrize(
        "text",
        [
            "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1",
            "224.0.1.75", "255.255.255.255", "240.0.0.1", "::1", "::", "fe80::1", "fc00::1", "ff02::1",
            "::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::", "64:ff9b::7f00:1", "64:ff9b::a00:1",
            "2001:0:4136:e378:8000:63bf:f5ff:fffe",
        ],
    )  # fmt: skip
    def test_private(self, text):
        assert not is_public(ip_address(text))
        assert not may_connect(text, [])

    def test_what_the_administrator_allows(self):
        assert may_connect("127.0.0.1", LOOPBACK)
        assert may_connect("::ffff:127.0.0.1", LOOPBACK)
        assert not may_connect("10.0.0.1", LOOPBACK)
        assert may_connect("fe80::1%lo", [ip_network("fe80::/10")])


class TestSend:
    def test_it_works(self):
        with receiver() as running:
            outcome = send(running.url, {"X-Test": "1"}, '{"a": "ü"}', LOOPBACK)
            headers, body, path = running.received[0]
        assert (outcome.status, outcome.error, outcome.is_delivered) == (204, "", True)
        assert (headers["x-test"], body, path) == ("1", '{"a": "ü"}', "/hook?x=1")

    def test_an_error(self):
        with receiver() as running:
            running.answers = [(503, {"Retry-After": "120"})]
            outcome = send(running.url, {}, "{}", LOOPBACK)
        assert (outcome.status, outcome.retry_after, outcome.is_delivered) == (503, 120.0, False)
        assert outcome.error == "answered 503 Service Unavailable"

    def test_redirects_are_not_followed(self):
        with receiver() as running:
            running.answers = [(302, {"Location": running.url})]
            assert send(running.url, {}, "{}", LOOPBACK).status == 302
            assert len(running.received) == 1

    def test_nobody_inside(self):
        with receiver() as running:
            outcome = send(running.url, {}, "{}", [])
            assert not running.received
        assert outcome.status == 0
        assert "SIPADMIN_WEBHOOK_NETWORKS" in outcome.error

    def test_a_name_that_changes_its_mind(self, monkeypatch):
        """DNS rebinding: the address that was judged is the address that is connected to."""
        with receiver() as running:
            port = running.server.server_address[1]
            asked = []

            def look_up(host, port, **more):
                asked.append(host)
                return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

            monkeypatch.setattr(target.socket, "getaddrinfo", look_up)
            outcome = send(f"http://inside.example:{port}/", {}, "{}", [])
            assert "127.0.0.1 is not a public address" in outcome.error
            assert send(f"http://inside.example:{port}/", {}, "{}", LOOPBACK).is_delivered
            assert asked == ["inside.example"] * 2  # once for each message

    def test_nobody_there(self):
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            port = closed.getsockname()[1]
        outcome = send(f"http://127.0.0.1:{port}/", {}, "{}", LOOPBACK)
        assert outcome.status == 0
        assert "ConnectionRefusedError" in outcome.error

    def test_a_certificate_is_checked(self):
        with receiver() as running:
            outcome = send(running.url.replace("http:", "https:"), {}, "{}", LOOPBACK)
        assert outcome.status == 0
        assert "SSL" in outcome.error

    def test_who_drips_is_cut_off(self, monkeypatch):
        monkeypatch.setattr(target, "LONGEST", 0.05)
        with socket.socket() as server:
            server.bind(("127.0.0.1", 0))
            server.listen()
            accepted = []
            thread = threading.Thread(target=lambda: accepted.append(server.accept()))
            thread.start()
            outcome = send(f"http://127.0.0.1:{server.getsockname()[1]}/", {}, "{}", LOOPBACK)
            thread.join()
            accepted[0][0].close()
        assert outcome.status == 0

    def test_nonsense(self):
        with socket.socket() as server:
            server.bind(("127.0.0.1", 0))
            server.listen()

            def answer():
                connection, _ = server.accept()
                connection.recv(65536)
                connection.sendall(b"\x1b[31m no http\r\n\r\n")
                connection.close()

            thread = threading.Thread(target=answer)
            thread.start()
            outcome = send(f"http://127.0.0.1:{server.getsockname()[1]}/", {}, "{}", LOOPBACK)
            thread.join()
        assert outcome.status == 0
        assert outcome.error.isprintable()

    def test_a_bad_url_of_old(self):
        assert "fragment" in send("http://example.org/#x", {}, "{}", []).error


@pytest.mark.parametrize(("text", "found"), [("5", 5.0), (None, None), ("soon", None), ("-1", None), ("9" * 10, None)])
def test_retry_after(text, found):
    assert seconds(text) == found
