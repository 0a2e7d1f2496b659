#!/usr/bin/env python3
"""Closed-loop SIP load over UDP on loopback: register, redirect or call. Standard library only.

    bench/load.py users --count 200 > users.csv          for manage.py importusers
    bench/load.py register --server 127.0.0.1:5060 --pids $(pgrep -f runsip)
    bench/load.py call --seconds 10 --window 32

Prints one JSON line. README.md says what is counted.
"""

from __future__ import annotations

import argparse
import hashlib
import ipaddress
import json
import secrets
import select
import socket
import sys
import time
from collections import deque

from processes import cpu_seconds, family, resident_bytes

DOMAIN = "bench.test"
REPEAT = 0.5  # §17.1: T1
GIVE_UP = 4.0  # seconds until a transaction counts as failed
SDP = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n"


def user_name(number: int) -> str:
    return f"b{number:05}"


def password_of(name: str) -> str:
    return f"pw-{name}"


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def lines(data: bytes, name: bytes) -> bytes:
    """All lines of that header field, each with its CRLF; the server writes the long names we wrote."""
    found, at, mark = b"", 0, b"\r\n" + name + b": "
    while (at := data.find(mark, at)) >= 0:
        end = data.find(b"\r\n", at + 2)
        found += data[at + 2 : end + 2]
        at = end
    return found


def value(data: bytes, name: bytes) -> bytes:
    return lines(data, name).partition(b"\r\n")[0].partition(b": ")[2]


class Work:
    """One user's round: ``start`` sends the first message, every answer comes to ``received``."""

    def __init__(self, load: Load, number: int) -> None:
        self.load = load
        self.name = user_name(number)
        self.tag = secrets.token_hex(4)
        self.call_id = secrets.token_hex(8)
        self.cseq = 0
        self.branch = b""
        self.sent = b""
        self.began = self.sent_at = 0.0

    def start(self) -> None:
        self.began = time.perf_counter()

    def received(self, status: int, data: bytes) -> None:
        raise NotImplementedError

    def send(self, method: str, uri: str, fields: str, to: str, body: bytes = b"", routes: str = "") -> None:
        self.cseq += method != "ACK"
        self.branch = b"z9hG4bK%x" % self.load.next_branch()
        head = (
            f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {self.load.address};branch={self.branch.decode()};rport\r\n"
            f"Max-Forwards: 70\r\n{routes}From: <sip:{self.name}@{DOMAIN}>;tag={self.tag}\r\nTo: {to}\r\n"
            f"Call-ID: {self.call_id}\r\nCSeq: {self.cseq} {method}\r\n{fields}Content-Length: {len(body)}\r\n\r\n"
        )
        self.transmit(head.encode() + body, is_awaited=method != "ACK")

    def transmit(self, data: bytes, is_awaited: bool = True) -> None:
        self.load.caller.sendto(data, self.load.server)
        if is_awaited:
            self.sent, self.sent_at = data, time.perf_counter()
            self.load.waiting[self.branch] = self

    def acknowledge_failure(self, data: bytes) -> None:
        """ACK in the INVITE's own transaction (§17.1.1.3)."""
        invite = self.sent
        start = invite.partition(b"\r\n")[0].replace(b"INVITE", b"ACK", 1)
        ack = start + b"\r\n" + lines(invite, b"Via") + b"Max-Forwards: 70\r\n" + lines(invite, b"From")
        ack += lines(data, b"To") + lines(invite, b"Call-ID") + lines(invite, b"CSeq").replace(b"INVITE", b"ACK")
        self.load.caller.sendto(ack + b"Content-Length: 0\r\n\r\n", self.load.server)

    def invite(self, callee: str) -> None:
        self.tag, self.call_id = secrets.token_hex(4), secrets.token_hex(8)
        fields = f"Contact: <sip:{self.name}@{self.load.address}>\r\nContent-Type: application/sdp\r\n"
        uri = f"sip:{callee}@{DOMAIN}"
        self.send("INVITE", uri, fields, f"<{uri}>", SDP)

    def answer(self, data: bytes, method: str, uri: str) -> str:
        """Authorization for the MD5 challenge in a 401, or for the nonce kept from the last one."""
        if data:
            for line in lines(data, b"WWW-Authenticate").decode().split("\r\n"):
                if "algorithm=MD5" in line or "algorithm=" not in line:
                    self.realm, self.nonce = (line.split(f'{key}="')[1].split('"')[0] for key in ("realm", "nonce"))
                    self.count = 0
                    self.ha1 = md5(f"{self.name}:{self.realm}:{password_of(self.name)}")
                    break
        self.count += 1
        proof = md5(f"{self.ha1}:{self.nonce}:{self.count:08x}:c0ffee:auth:{md5(f'{method}:{uri}')}")
        return (
            f'Authorization: Digest username="{self.name}", realm="{self.realm}", nonce="{self.nonce}", uri="{uri}", '
            f'algorithm=MD5, qop=auth, nc={self.count:08x}, cnonce="c0ffee", response="{proof}"\r\n'
        )


class Register(Work):
    """A refreshing REGISTER with a cached nonce; the 401 of the first one is not counted."""

    nonce = ""
    count = 0

    def start(self) -> None:
        super().start()
        self.register(b"")

    def register(self, challenge: bytes) -> None:
        uri = f"sip:{DOMAIN}"
        credentials = self.answer(challenge, "REGISTER", uri) if challenge or self.nonce else ""
        self.send("REGISTER", uri, credentials + self.contact(), f"<sip:{self.name}@{DOMAIN}>")

    def contact(self) -> str:
        return f"Contact: <sip:{self.name}@{self.load.address}>\r\nExpires: 3600\r\n"

    def received(self, status: int, data: bytes) -> None:
        if (status == 401 and self.count <= 1) or (status == 401 and b"stale=true" in data):
            self.register(data)
        else:
            self.load.finished(self, status == 200)


class RegisterCallee(Register):
    def contact(self) -> str:
        return f"Contact: <sip:{self.name}@{self.load.callee_address}>\r\nExpires: 3600\r\n"


class Forget(Register):
    """Takes away what an earlier run left behind: a call would ring there too."""

    def contact(self) -> str:
        return "Contact: *\r\nExpires: 0\r\n"


class Redirect(Work):
    """INVITE, 302, ACK."""

    def start(self) -> None:
        super().start()
        self.invite(self.name)

    def received(self, status: int, data: bytes) -> None:
        if status >= 300:
            self.acknowledge_failure(data)
        self.load.finished(self, status == 302)


class Call(Work):
    """INVITE, 180, 200, ACK, BYE, 200: nobody talks."""

    def start(self) -> None:
        super().start()
        self.invite(self.name)

    def received(self, status: int, data: bytes) -> None:
        if self.sent.startswith(b"BYE"):
            self.load.finished(self, status == 200)
        elif status != 200:
            self.acknowledge_failure(data)
            self.load.finished(self, False)
        else:
            routes = [line for line in lines(data, b"Record-Route").decode().split("\r\n") if line]
            route = "".join(f"Route: {line.partition(': ')[2]}\r\n" for line in reversed(routes))
            target = value(data, b"Contact").decode().strip("<>")
            to = value(data, b"To").decode()
            self.send("ACK", target, "", to, routes=route)
            self.send("BYE", target, "", to, routes=route)


SCENARIOS: dict[str, type[Work]] = {"register": Register, "redirect": Redirect, "call": Call}


class Load:
    """Two sockets (callers and callees) and a window of rounds under way."""

    def __init__(self, server: tuple[str, int], window: int) -> None:
        self.server = server
        self.caller, self.callee = self._socket(), self._socket()
        self.address = f"127.0.0.1:{self.caller.getsockname()[1]}"
        self.callee_address = f"127.0.0.1:{self.callee.getsockname()[1]}"
        self.window = window
        self.waiting: dict[bytes, Work] = {}
        self.idle: deque[Work] = deque()
        self.durations: list[float] = []
        self.failures = self.retransmissions = 0
        self._branch = secrets.randbits(60)

    @staticmethod
    def _socket() -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        made.bind(("127.0.0.1", 0))
        made.setblocking(False)
        return made

    def next_branch(self) -> int:
        self._branch += 1
        return self._branch

    def run(self, works: list[Work], seconds: float = 0.0) -> float:
        """Rounds for that many seconds, or each once; the time it took."""
        self.idle = deque(works)
        self.durations, self.failures, self.retransmissions = [], 0, 0
        self.is_once = not seconds
        began = time.perf_counter()
        self.end = began + seconds if seconds else float("inf")
        poller = select.poll()
        poller.register(self.caller, select.POLLIN)
        poller.register(self.callee, select.POLLIN)
        next_check = began + REPEAT / 2
        self._fill()
        while self.waiting:
            poller.poll(50)
            self._drain(self.callee, self._serve)
            self._drain(self.caller, self._dispatch)
            if time.perf_counter() >= next_check:
                self._check_timers()
                next_check = time.perf_counter() + REPEAT / 4
        return time.perf_counter() - began

    def _fill(self) -> None:
        while self.idle and len(self.waiting) < self.window and time.perf_counter() < self.end:
            self.idle.popleft().start()

    def finished(self, work: Work, is_right: bool) -> None:
        self.durations.append(time.perf_counter() - work.began)
        self.failures += not is_right
        if not self.is_once:
            self.idle.append(work)
        self._fill()

    @staticmethod
    def _drain(sock: socket.socket, handle: object) -> None:
        try:
            for _ in range(64):
                data, source = sock.recvfrom(65535)
                handle(data, source)  # type: ignore[operator]
        except BlockingIOError:
            return

    def _dispatch(self, data: bytes, source: tuple[str, int]) -> None:
        status = int(data[8:11]) if data.startswith(b"SIP/2.0 ") else 0
        if status < 200:
            return
        at = data.find(b"branch=") + 7
        branch = data[at : at + 40].split(b";", 1)[0].split(b"\r", 1)[0].split(b",", 1)[0]
        work = self.waiting.pop(branch, None)
        if work is not None:
            work.received(status, data)

    def _serve(self, data: bytes, source: tuple[str, int]) -> None:
        """The callees: 180 and 200 to INVITE, 200 to all else, nothing to ACK."""
        if data.startswith((b"ACK", b"SIP/2.0")):
            return
        kept = lines(data, b"Via") + lines(data, b"From") + lines(data, b"Call-ID") + lines(data, b"CSeq")
        to = lines(data, b"To")
        if not data.startswith(b"INVITE"):
            self.callee.sendto(b"SIP/2.0 200 OK\r\n" + kept + to + b"Content-Length: 0\r\n\r\n", source)
            return
        kept += lines(data, b"Record-Route") + to[:-2] + b";tag=callee\r\n"
        kept += b"Contact: <sip:callee@%s>\r\n" % self.callee_address.encode()
        self.callee.sendto(b"SIP/2.0 180 Ringing\r\n" + kept + b"Content-Length: 0\r\n\r\n", source)
        kept += b"Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n" % len(SDP)
        self.callee.sendto(b"SIP/2.0 200 OK\r\n" + kept + SDP, source)

    def _check_timers(self) -> None:
        now = time.perf_counter()
        for branch, work in list(self.waiting.items()):
            if now - work.began > GIVE_UP:
                del self.waiting[branch]
                self.finished(work, False)
            elif now - work.sent_at > REPEAT:
                work.sent_at = now
                self.retransmissions += 1
                self.caller.sendto(work.sent, self.server)


def measure(options: argparse.Namespace) -> dict[str, object]:
    host, _, port = options.server.rpartition(":")
    if not ipaddress.ip_address(host).is_loopback:
        raise SystemExit("only a server on loopback is loaded")
    load = Load((host, int(port)), options.window)
    first = 0 if options.scenario != "redirect" else options.users
    numbers = range(first, first + options.users)
    # Every user needs a binding (and its nonce) first; that is not measured.
    prepared = [
        RegisterCallee(load, number) if options.scenario != "register" else Register(load, number) for number in numbers
    ]
    load.run([Forget(load, number) for number in numbers])
    load.run(list(prepared))
    if load.failures:
        raise SystemExit(f"{load.failures} of {options.users} users could not register: see README.md")
    works = prepared if options.scenario == "register" else [SCENARIOS[options.scenario](load, n) for n in numbers]
    pids = family(options.pids)
    cpu, own, memory = cpu_seconds(pids), time.process_time(), resident_bytes(pids)
    seconds = load.run(list(works), options.seconds)
    cpu, own = cpu_seconds(pids) - cpu, time.process_time() - own
    count, durations = len(load.durations), sorted(load.durations)
    return {
        "scenario": options.scenario,
        "rate": round(count / seconds),
        "count": count,
        "failures": load.failures,
        "retransmissions": load.retransmissions,
        "p50_ms": round(1000 * durations[count // 2], 2),
        "p99_ms": round(1000 * durations[count * 99 // 100], 2),
        "server_cpu_us": round(1e6 * cpu / count, 1) if pids else None,
        "generator_cpu_us": round(1e6 * own / count, 1),
        "server_cores": round(cpu / seconds, 2),
        "server_mb": round(resident_bytes(pids) / 1e6, 1),
        "server_mb_before": round(memory / 1e6, 1),
    }


def print_users(count: int) -> None:
    """The first ``count`` users inherit, the next ``count`` redirect."""
    print("user,password,policy")
    for number in range(2 * count):
        name = user_name(number)
        print(f"{name},{password_of(name)},{'inherit' if number < count else 'redirect'}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenario", choices=["users", *SCENARIOS])
    parser.add_argument("--server", default="127.0.0.1:5060")
    parser.add_argument("--users", "--count", type=int, default=200)
    parser.add_argument("--window", type=int, default=32, help="rounds under way at once")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--pids", type=int, nargs="*", default=[], help="server processes; descendants count too")
    options = parser.parse_args()
    if options.scenario == "users":
        print_users(options.users)
        return
    json.dump(measure(options), sys.stdout)
    print()


if __name__ == "__main__":
    main()
