"""What one REGISTER costs in CPU, without sockets: parser, transactions, registrar, and on demand the journal.

    .venv/bin/python bench/register_path.py [--count 20000] [--users 2000] [--profile]

Prints one JSON line per case: microseconds of process CPU a REGISTER (all threads). "preauth" is a REGISTER with
credentials for a nonce in use, "open" one of a domain that asks for none, "challenge" the 401.
With a journal the database is a SQLite file in a temporary folder, and 64 requests are outstanding.
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import json
import os
import pstats
import sys
import tempfile
import time
from collections import deque
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
_FOLDER = tempfile.TemporaryDirectory()
os.environ["SIPADMIN_DATA"] = _FOLDER.name
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sipadmin.settings")

import django

django.setup()

from django.core.management import call_command

from registrar.clock import Clock
from registrar.directory import Directory
from registrar.handler import RegistrarHandler
from registrar.journal import Journal
from registrar.location import StoredLocation
from registrar.models import Domain, SipUser
from sip.auth.authenticator import Authenticator
from sip.auth.digest import ha1, response
from sip.auth.nonce import NonceFactory
from sip.endpoint import Endpoint
from sip.transport.flow import Flow
from sip.transport.listeners import ListenAddress, Listener

LOCAL, REMOTE = ("192.0.2.1", 5060), ("192.0.2.10", 5062)
DOMAIN = "example.test"


class Wire:
    """Network and channel of the endpoint: counts what leaves."""

    def __init__(self) -> None:
        self.sent = 0
        self.last = b""

    def bind(self, addresses, multicast):
        return [Listener("udp", *LOCAL, channel=self)]

    def send(self, data, remote, source="", ttl=0):
        self.sent += 1
        self.last = data
        return True

    def now(self):
        return time.monotonic()

    def soon(self, callback):
        callback()

    def wake_at(self, when, callback):
        pass

    def look_up(self, question, done):
        raise AssertionError("no name is looked up here")

    def is_local_address(self, host):
        return False

    def route_from(self, host):
        return LOCAL[0]


class NoJournal:
    """Every commit succeeds at once."""

    is_full = False

    def submit(self, changes, done):
        done(None)


class Core:
    def __init__(self, directory):
        self.directory = directory

    def request_received(self, transaction, now):
        self.registrar.register(transaction, self.directory.domain(transaction.request.uri.host), now)


class Bench:
    def __init__(self, users: int, with_journal: bool, policy: str = "durable") -> None:
        self.users = users
        self.directory = Directory()
        self.directory.load()
        self.wire = Wire()
        core = Core(self.directory)
        self.endpoint = Endpoint([ListenAddress("udp", *LOCAL)], core, network=self.wire)
        self.endpoint.bind()
        now, now_wall = time.monotonic(), time.time()
        clock = Clock(now, now_wall)
        self.nonces = NonceFactory(os.urandom(32), lifetime=3600)
        self.calls: deque = deque()  # what the writer thread wants done here
        self.journal = Journal(clock, self.calls.append, policy=policy) if with_journal else NoJournal()
        core.registrar = RegistrarHandler(
            self.endpoint,
            self.directory,
            StoredLocation(self.directory, clock),
            self.journal,
            Authenticator(self.nonces),
            lambda kind, key, build: None,
            clock,
        )
        self.known = [ha1("MD5", f"u{number:06d}", DOMAIN, "pw") for number in range(users)]
        self.nonce = [self.nonces.make(now_wall, DOMAIN, "192.0.2.10") for _ in range(users)]
        self.flow = Flow("udp", LOCAL, REMOTE, self.wire)

    def requests(self, case: str, start: int, count: int) -> list[bytes]:
        return [self.request(case, number) for number in range(start, start + count)]

    def request(self, case: str, number: int) -> bytes:
        user = number % self.users
        name, cseq = f"u{user:06d}", number // self.users + 1
        credentials = ""
        if case == "preauth":
            digest = response(
                "MD5",
                self.known[user],
                "REGISTER",
                f"sip:{DOMAIN}",
                self.nonce[user],
                "auth",
                f"{cseq:08x}",
                "0a4f113b",
            )
            credentials = (
                f'Authorization: Digest username="{name}", realm="{DOMAIN}", nonce="{self.nonce[user]}", '
                f'uri="sip:{DOMAIN}", algorithm=MD5, qop=auth, nc={cseq:08x}, cnonce="0a4f113b", '
                f'response="{digest}"\r\n'
            )
        return (
            f"REGISTER sip:{DOMAIN} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 192.0.2.10:5062;rport;branch=z9hG4bK{number:012x}\r\n"
            "Max-Forwards: 70\r\n"
            f"From: <sip:{name}@{DOMAIN}>;tag=f{number:x}\r\n"
            f"To: <sip:{name}@{DOMAIN}>\r\n"
            f"Call-ID: {name}-5f2a1c@192.0.2.10\r\n"
            f"CSeq: {cseq} REGISTER\r\n"
            f"Contact: <sip:{name}@192.0.2.10:5062>\r\n"
            "Expires: 3600\r\n"
            f"{credentials}"
            "User-Agent: Bench/1\r\n"
            "Content-Length: 0\r\n\r\n"
        ).encode()

    def run(self, requests: list[bytes], window: int) -> float:
        """CPU seconds of the process."""
        receive, flow, wire, calls = self.endpoint.receive, self.flow, self.wire, self.calls
        wanted = wire.sent + len(requests)
        gc.collect()
        started = time.process_time()
        outstanding_from = wire.sent
        for number, data in enumerate(requests):
            receive(data, flow)
            while number + 1 - (wire.sent - outstanding_from) >= window:
                if calls:
                    calls.popleft()()
                else:
                    time.sleep(0.0002)
        while wire.sent < wanted:
            if calls:
                calls.popleft()()
            else:
                time.sleep(0.0002)
        return time.process_time() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--users", type=int, default=2_000)
    parser.add_argument("--window", type=int, default=64, help="requests outstanding, with a journal")
    parser.add_argument("--profile", action="store_true", help="profile the preauth case without a journal")
    options = parser.parse_args()
    call_command("migrate", verbosity=0)
    domain = Domain.objects.create(name=DOMAIN)
    SipUser.objects.bulk_create(
        SipUser(domain=domain, username=f"u{n:06d}", ha1_md5=ha1("MD5", f"u{n:06d}", DOMAIN, "pw"))
        for n in range(options.users)
    )
    for case, auth, journal in [
        ("open", False, None),
        ("challenge", True, None),
        ("preauth", True, None),
        ("preauth", True, "durable"),
        ("preauth", True, "fast"),
    ]:
        Domain.objects.update(auth_register=auth)
        bench = Bench(options.users, journal is not None, journal or "durable")
        if journal is not None:
            bench.journal.start()
        window = options.window if journal else 1
        bench.run(bench.requests(case, 0, options.users), window)  # the first round adds, the others refresh
        requests = bench.requests(case, options.users, options.count)
        if options.profile and case == "preauth" and journal is None:
            profile = cProfile.Profile()
            profile.runcall(bench.run, requests, window)
            pstats.Stats(profile).sort_stats("tottime").print_stats(28)
            return
        cpu = bench.run(requests, window)
        status = bench.wire.last.split(b" ", 2)[1].decode()
        commits = bench.journal.commits if journal else 0
        if journal is not None:
            bench.journal.stop()
        line = {"case": case, "journal": journal, "us": round(cpu / options.count * 1e6, 1), "status": status}
        print(json.dumps(line | ({"commits": commits} if journal else {})), flush=True)


if __name__ == "__main__":
    main()
