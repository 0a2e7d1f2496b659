#!/usr/bin/env python3
"""CPU of one proxied call through the real endpoint and proxy, without sockets: INVITE/100/180/200/ACK/BYE/200.

    python3 bench/call_path.py [--calls N] [--profile] [--record headers|all] [--compare]

Prints one line of JSON: microseconds a call, in all and by message, best and median of the rounds. The messages of the
phones are made in advance as bytes, except those that must copy what the server wrote; making those is not counted.
With ``--record`` the messages of all calls are caught; ``masking`` is what the writer's thread spends a call to make
rows of them, which is not part of the sum and does not include the database.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter_ns

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sipadmin.settings")
os.environ.setdefault("SIPADMIN_DATA", tempfile.mkdtemp(prefix="call-path-"))
os.environ.setdefault("SIPADMIN_SECRET_KEY", "of no use to anybody, for this bench opens no socket and keeps nothing")

import django

django.setup()

from django.db import connection

from proxy.handler import ProxyHandler
from proxy.policy import PolicySnapshot
from proxy.recorder import Recorder
from proxy.trace.capture import Capture, CaughtMessage
from proxy.trace.levels import RecordingRules
from proxy.trace.rows import MessageWriter
from sip.auth.authenticator import Authenticator
from sip.auth.nonce import NonceFactory
from sip.endpoint import Endpoint
from sip.location import Binding, MemoryLocation
from sip.transport.flow import Flow
from sip.transport.listeners import ListenAddress, Listener

SERVER, ALICE, BOB = ("127.0.0.1", 5060), ("127.0.0.2", 5062), ("127.0.0.3", 5064)
SDP = b"v=0\r\no=- 1 1 IN IP4 127.0.0.2\r\ns=-\r\nc=IN IP4 127.0.0.2\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0 8\r\n"


class Domain:
    id, name, realm, enabled, auth_call = 1, "example.org", "example.org", True, False
    keep_ringing, wait_for_group, late_joiners = False, True, True
    follow_redirects, followed_domains, redirect_reveals = 0, (), "contacts"
    redirected_methods, contact_action = (), False


class User:
    id, username, enabled, aor = 1, "bob", True, "sip:bob@example.org"
    do_not_disturb, forward_always, forward_busy, forward_no_answer = False, "", "", ""

    def ha1(self, algorithm: str) -> str | None:
        return None


class Directory:
    def __init__(self) -> None:
        self.own, self.bob = Domain(), User()

    def domain(self, host: str) -> Domain | None:
        return self.own if host == "example.org" else None

    def domains(self) -> list[Domain]:
        return [self.own]

    def user(self, domain: Domain, username: str) -> User | None:
        return self.bob


class Wire:
    """A network that keeps the last datagrams and has a clock that stands still unless moved."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.time = 1000.0
        self.wake: tuple[float, Callable[[], None]] | None = None

    def send(self, data: bytes, remote: tuple[str, int], source: str = "", ttl: int = 0) -> bool:
        self.sent.append(data)
        return True

    def bind(self, addresses: list[ListenAddress], multicast: list[str]) -> list[Listener]:
        return [Listener(one.protocol, one.host, one.port, channel=self) for one in addresses]

    def route_from(self, host: str) -> str:
        return SERVER[0]

    def look_up(self, question: object, done: object) -> None:
        raise AssertionError("no name is looked up here")

    def is_local_address(self, host: str) -> bool:
        return host == SERVER[0]

    def now(self) -> float:
        return self.time

    def soon(self, callback: Callable[[], None]) -> None:
        callback()

    def wake_at(self, when: float, callback: Callable[[], None]) -> None:
        self.wake = (when, callback)

    def advance(self, seconds: float) -> None:
        self.time += seconds
        while self.wake is not None and self.wake[0] <= self.time:
            (_, callback), self.wake = self.wake, None
            callback()


class Core:
    """Passes everything to the proxy."""

    proxy: ProxyHandler

    def request_received(self, transaction: object, now: float) -> None:
        self.proxy.request(transaction, now)  # type: ignore[arg-type]

    def ack_received(self, request: object, flow: object, now: float) -> None:
        self.proxy.ack(request, flow, now)  # type: ignore[arg-type]

    def cancel_received(self, cancel: object, invite: object, now: float) -> None:
        self.proxy.cancel(cancel, invite, now)  # type: ignore[arg-type]


def lines_of(data: bytes, *names: bytes) -> list[bytes]:
    return [line for line in data.split(b"\r\n\r\n")[0].split(b"\r\n") if line.split(b":")[0] in names]


def answer(request: bytes, status: bytes, *extra: bytes, body: bytes = b"") -> bytes:
    head = [b"SIP/2.0 " + status, *lines_of(request, b"Via", b"Record-Route", b"From", b"To", b"Call-ID", b"CSeq")]
    head = [line + b";tag=bob" if line.startswith(b"To:") and b"tag=" not in line else line for line in head]
    return b"\r\n".join([*head, *extra, b"Content-Length: %d" % len(body), b"", body])


def invite(number: int) -> bytes:
    return (
        b"INVITE sip:bob@example.org SIP/2.0\r\n"
        b"Via: SIP/2.0/UDP 127.0.0.2:5062;rport;branch=z9hG4bK-a-%d\r\n"
        b"Max-Forwards: 70\r\n"
        b'From: "Alice" <sip:alice@example.org>;tag=a%d\r\n'
        b"To: <sip:bob@example.org>\r\n"
        b"Call-ID: %d-call@127.0.0.2\r\n"
        b"CSeq: 1 INVITE\r\n"
        b"Contact: <sip:alice@127.0.0.2:5062>\r\n"
        b"User-Agent: bench\r\n"
        b"Allow: INVITE, ACK, BYE, CANCEL, OPTIONS\r\n"
        b"Content-Type: application/sdp\r\n"
        b"Content-Length: %d\r\n\r\n" % (number, number, number, len(SDP))
    ) + SDP


def in_dialog(method: bytes, number: int, ok: bytes, cseq: int) -> bytes:
    routes = [b"Route: " + line.split(b": ", 1)[1] for line in lines_of(ok, b"Record-Route")]
    head = [
        method + b" sip:bob@127.0.0.3:5064 SIP/2.0",
        b"Via: SIP/2.0/UDP 127.0.0.2:5062;rport;branch=z9hG4bK-%s-%d" % (method, number),
        *routes,
        b"Max-Forwards: 70",
        *lines_of(ok, b"From", b"To", b"Call-ID"),
        b"CSeq: %d %s" % (cseq, method),
        b"Content-Length: 0",
    ]
    return b"\r\n".join([*head, b"", b""])


class Bench:
    def __init__(self, record: str = "") -> None:
        self.wire = Wire()
        user = Core()
        self.endpoint = Endpoint([ListenAddress("udp", *SERVER)], user, network=self.wire)  # type: ignore[arg-type]
        self.endpoint.bind()
        binding = Binding(aor=User.aor, contact="sip:bob@127.0.0.3:5064", expires_at=float("inf"), call_id="r", cseq=1)
        self.capture = Capture(self.endpoint.now, lambda kind, key, build: None) if record else None
        self.endpoint.tap = self.capture
        self.rules = RecordingRules(record)
        self.recorder = Recorder(lambda kind, key, build: None, capture=self.capture)
        self.writer = MessageWriter(connection, self.recorder.wall)
        self.masking: list[float] = []
        snapshot = PolicySnapshot()
        self.proxy = user.proxy = ProxyHandler(
            self.endpoint,
            Directory(),
            MemoryLocation([binding]),
            lambda: snapshot,
            Authenticator(NonceFactory(b"0123456789abcdef0123456789abcdef")),
            self.recorder,
            secret=b"0123456789abcdef",
        )
        self.alice = Flow("udp", SERVER, ALICE, self.wire)
        self.bob = Flow("udp", SERVER, BOB, self.wire)
        self.spent: dict[str, int] = {}

    def receive(self, name: str, data: bytes, flow: Flow) -> list[bytes]:
        self.wire.sent.clear()
        start = perf_counter_ns()
        self.endpoint.receive(data, flow)
        self.spent[name] = self.spent.get(name, 0) + perf_counter_ns() - start
        return list(self.wire.sent)

    def call(self, number: int) -> None:
        _trying, copy = self.receive("INVITE", invite(number), self.alice)
        contact = (b"Contact: <sip:bob@127.0.0.3:5064>", b"Content-Type: application/sdp")
        self.receive("180", answer(copy, b"180 Ringing", contact[0]), self.bob)
        [ok] = self.receive("200", answer(copy, b"200 OK", *contact, body=SDP), self.bob)
        [_ack] = self.receive("ACK", in_dialog(b"ACK", number, ok, 1), self.alice)
        [bye] = self.receive("BYE", in_dialog(b"BYE", number, ok, 2), self.alice)
        [_done] = self.receive("200 to BYE", answer(bye, b"200 OK"), self.bob)

    def round(self, calls: int, first: int) -> dict[str, float]:
        self.spent = {}
        start_round = perf_counter_ns()
        for number in range(first, first + calls):
            self.call(number)
            if not number % 50:
                start = perf_counter_ns()
                self.wire.advance(0.5)  # 100 calls a second: the timers that end transactions are part of the price
                self.spent["timers"] = self.spent.get("timers", 0) + perf_counter_ns() - start
                self.recorder._take(1000)
                if self.capture is not None:
                    self.write(self.capture)
        assert perf_counter_ns() > start_round
        return {name: spent / calls / 1000 for name, spent in self.spent.items()}

    def write(self, capture: Capture) -> None:
        items = [item for item in capture.take(10_000) if isinstance(item, CaughtMessage)]
        start = perf_counter_ns()
        for item in items:
            self.writer.row(item, self.rules)
        calls = len({item.call for item in items})
        self.masking.append((perf_counter_ns() - start) / max(1, calls) / 1000)


def compare(rounds: int = 60, calls: int = 200) -> None:
    """Microseconds a call without messages, with header fields and with all, the best of many short rounds turn about:
    what a busy machine takes from one it takes from the others."""
    benches = {level: Bench(level) for level in ("", "headers", "all")}
    best = dict.fromkeys(benches, float("inf"))
    for turn in range(rounds):
        for level, bench in benches.items():
            spent = sum(bench.round(calls, turn * calls).values())
            best[level] = min(best[level], spent) if turn else best[level]
    masking = {level: round(min(bench.masking), 1) for level, bench in benches.items() if level}
    result = {level or "off": round(spent, 1) for level, spent in best.items()}
    ratios = {level: round(best[level] / best[""], 2) for level in ("headers", "all")}
    print(json.dumps({"us_per_call": result, "ratio": ratios, "masking": masking}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=4000, help="calls in a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--profile", action="store_true", help="print a profile of one round instead")
    parser.add_argument("--record", choices=["headers", "all"], default="", help="catch the messages of the calls")
    parser.add_argument("--compare", action="store_true", help="without and with messages caught, turn about")
    arguments = parser.parse_args()
    if arguments.compare:
        compare()
        return
    bench = Bench(arguments.record)
    bench.round(4000, 0)  # warm: caches, and transactions that end while others begin
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    if arguments.profile:
        import cProfile
        import pstats

        with cProfile.Profile() as profile:
            bench.round(arguments.calls, 10_000)
        pstats.Stats(profile).sort_stats("tottime").print_stats(45)
        return
    rounds = [bench.round(arguments.calls, 10_000 * (index + 1)) for index in range(arguments.rounds)]
    totals = [sum(spent.values()) for spent in rounds]
    best = rounds[totals.index(min(totals))]
    print(
        json.dumps(
            {
                "us_per_call": round(min(totals), 1),
                "us_per_call_median": round(statistics.median(totals), 1),
                "by_message": {name: round(value, 1) for name, value in best.items()},
                **({"masking": round(min(bench.masking), 1)} if bench.masking else {}),
                "calls": arguments.calls,
                "rounds": arguments.rounds,
            }
        )
    )


if __name__ == "__main__":
    main()
