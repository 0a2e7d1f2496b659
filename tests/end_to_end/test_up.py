"""`manage.py up` from the outside: start, ready, restart, refusals, stop."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
from collections.abc import Iterator

import pytest

from sipadmin.bus import EngineUnavailable, engine_command
from tests.end_to_end.product import Product, children_of, free_port, wait_until


@pytest.fixture
def own_product(tmp_path) -> Iterator[Product]:
    running = Product(tmp_path / "data")
    yield running
    running.stop()


def test_a_life(own_product):
    """First start, what is in the folder, death of either child, Ctrl+C, second start."""
    own_product.start()
    output = own_product.text()
    assert own_product.http in output
    assert f"127.0.0.1:{own_product.sip[1]}" in output
    assert own_product.output[-1] == "ready"
    assert stat.S_IMODE(own_product.data.stat().st_mode) == 0o700
    for name in ("secret_key", "setup-link", "sipadmin.sqlite3", "bus.sock"):
        assert stat.S_IMODE((own_product.data / name).stat().st_mode) & 0o077 == 0, name
    # Not a terminal: the link is in a file and in no log.
    token = (own_product.data / "setup-link").read_text().strip().rpartition("/")[2]
    assert token not in output

    status, body = own_product.get("/readyz")
    assert status == 200
    assert json.loads(body)["checks"] == {"database": "ok", "migrations": "ok", "engine": "ok", "sip": "ok"}
    assert own_product.get("/healthz")[0] == 200

    for name in ("sip", "web"):
        victim = own_product.child(name)
        os.kill(victim, signal.SIGKILL)
        assert wait_until(lambda name=name: f"{name} was ended by SIGKILL" in own_product.text())
        assert wait_until(lambda name=name, victim=victim: is_back(own_product, name, victim)), own_product.text()

    children = children_of(own_product.process.pid)
    assert own_product.stop(signal.SIGINT) == 0
    for child in children:
        with pytest.raises(ProcessLookupError):
            os.kill(child, 0)
    assert not (own_product.data / "bus.sock").exists()

    own_product.output.clear()
    own_product.start()
    assert "migrations" not in own_product.text().split("---")[0]
    assert own_product.stop(signal.SIGTERM) == 0


def is_back(product: Product, name: str, victim: int) -> bool:
    try:
        return product.child(name) != victim and product.get("/readyz")[0] == 200
    except (LookupError, OSError):
        return False


def test_without_the_engine_it_is_not_ready(own_product, settings):
    own_product.start()
    settings.DATA_DIR = own_product.data
    assert engine_command("ping")["listeners"]
    os.kill(own_product.child("sip"), signal.SIGSTOP)
    try:
        with pytest.raises(EngineUnavailable):
            engine_command("ping", timeout=0.5)
        assert wait_until(lambda: own_product.get("/readyz")[0] == 503)
        body = json.loads(own_product.get("/readyz")[1])
        assert body["checks"]["database"] == "ok"
        assert "SIP process" in body["checks"]["engine"]
    finally:
        os.kill(own_product.child("sip"), signal.SIGCONT)


class TestRefusals:
    """One clear line and exit code 1, before anything else starts."""

    def refused(self, product: Product, *more: str) -> str:
        product.launch(*more)
        assert product.process.wait(30) == 1
        assert wait_until(lambda: product.output)
        lines = [line for line in product.output if line]
        assert len(lines) == 1, lines
        assert not (product.data / "log").exists()
        return lines[0]

    @pytest.mark.parametrize(("kind", "word"), [(socket.SOCK_DGRAM, "udp"), (socket.SOCK_STREAM, "tcp")])
    def test_busy_sip_port(self, own_product, kind, word):
        with socket.socket(socket.AF_INET, kind) as holder:
            holder.bind(own_product.sip)
            if word == "tcp":
                holder.listen()
            line = self.refused(own_product)
        assert f"port {own_product.sip[1]} ({word})" in line
        assert "--sip" in line

    def test_busy_http_port(self, own_product):
        with socket.create_server(own_product.http_address):
            line = self.refused(own_product)
        assert f"port {own_product.http_address[1]} (tcp)" in line
        assert "--http" in line

    def test_wrong_flag(self, own_product):
        assert "--http is given twice" in self.refused(own_product, "--http", "127.0.0.1:1")

    def test_no_folder(self, tmp_path):
        (tmp_path / "data").write_text("in the way")
        product = Product(tmp_path / "data")
        product.launch()
        assert product.process.wait(30) == 1
        assert wait_until(lambda: product.output)
        assert "cannot write to the data folder" in product.output[0]

    def test_broken_database(self, own_product):
        own_product.data.mkdir(mode=0o700)
        (own_product.data / "sipadmin.sqlite3").write_text("this is no database, and never was one" * 100)
        assert "cannot be used: file is not a database" in self.refused(own_product)


def test_a_second_product_on_the_same_folder(own_product):
    own_product.start()
    second = Product(own_product.data)
    second.launch()
    assert second.process.wait(30) == 1
    assert wait_until(lambda: second.output)
    assert f"(process {own_product.process.pid}) is running with the data folder" in second.output[0]


def test_ipv6_and_several_listeners(tmp_path):
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("no IPv6 loopback here")
    product = Product(tmp_path / "data", sip=("::1", free_port()))
    product.launch("--sip", f"127.0.0.1:{product.sip[1]}")
    try:
        product.wait_ready()
        for family, host in [(socket.AF_INET6, "::1"), (socket.AF_INET, "127.0.0.1")]:
            assert options(family, host, product.sip[1]).startswith("SIP/2.0 200")
    finally:
        product.stop()


def options(family: int, host: str, port: int) -> str:
    bracketed = f"[{host}]" if ":" in host else host
    with socket.socket(family, socket.SOCK_DGRAM) as phone:
        phone.bind((host, 0))
        phone.settimeout(5)
        own = f"{bracketed}:{phone.getsockname()[1]}"
        fields = [
            f"OPTIONS sip:{bracketed}:{port} SIP/2.0",
            f"Via: SIP/2.0/UDP {own};rport;branch=z9hG4bKoptions{family}",
            f"From: <sip:alice@{own}>;tag=1",
            f"To: <sip:{bracketed}:{port}>",
            f"Call-ID: options{family}",
            "CSeq: 1 OPTIONS",
            "Max-Forwards: 70",
            "Content-Length: 0",
        ]
        phone.sendto(("\r\n".join(fields) + "\r\n\r\n").encode(), (host, port))
        return phone.recv(65535).decode()
