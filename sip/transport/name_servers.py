"""Questions to DNS by dnspython, and to the system for the names that are not DNS's (RFC 3263 §4).

The system (getaddrinfo) answers for names without a dot, for what ends in ``.localhost`` or ``.local`` and for the
names of the hosts file; NAPTR and SRV are not asked for those. All others go to the name servers.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import dns.asyncresolver
import dns.exception
import dns.message
import dns.name
import dns.nameserver
import dns.rdata
import dns.rdatatype
import dns.resolver
from dns.rdtypes.IN.A import A
from dns.rdtypes.IN.AAAA import AAAA
from dns.rdtypes.IN.NAPTR import NAPTR
from dns.rdtypes.IN.SRV import SRV

from sip.transport.records import Kind, Naptr, Question, Record, Srv

# A search asks three times in a row (NAPTR, SRV, addresses) and has to end below 5 seconds.
TIMEOUT = 1.4  # seconds for one question, all attempts together
ATTEMPT_TIMEOUT = 0.7  # seconds until the next name server, or the same again, is asked
MAX_RECORDS = 64  # of one answer
SYSTEM_KEPT_INTERVAL = 60.0  # seconds an answer of the system is used; getaddrinfo does not tell the record's own
FAILURE_KEPT_INTERVAL = 5.0
CONFIGURATION_KEPT_INTERVAL = 10.0  # seconds until hosts file and resolv.conf are read again: laptops move
THREADS = 4  # questions to the system at one time; one that hangs holds up no other name
EDNS_PAYLOAD = 1232  # bytes of a datagram that pass everywhere


class Answer(NamedTuple):
    """Records, and how many seconds they (or their absence) may be kept."""

    records: list[Record]
    kept: float


FAILED = Answer([], FAILURE_KEPT_INTERVAL)


class NameServers:
    """``servers``: numeric host and port of each; empty: those of the system's resolv.conf."""

    def __init__(
        self,
        servers: Sequence[tuple[str, int]] = (),
        *,
        timeout: float = TIMEOUT,
        attempt_timeout: float = ATTEMPT_TIMEOUT,
        hosts: Path = Path("/etc/hosts"),
    ) -> None:
        self._servers = servers
        self._timeout = timeout
        self._attempt_timeout = attempt_timeout
        self._hosts = hosts
        self._host_names: frozenset[str] = frozenset()
        self._dns: dns.asyncresolver.Resolver | None = None
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="resolver")
        self._read_configuration()
        self._read_again_at = time.monotonic() + CONFIGURATION_KEPT_INTERVAL

    async def ask(self, question: Question) -> Answer:
        """Answer within ``timeout``; no records when there are none, or nobody knows."""
        try:
            return await asyncio.wait_for(self._ask(question), self._timeout)
        except (OSError, UnicodeError, ValueError, TimeoutError, dns.exception.DNSException):
            return FAILED

    async def _ask(self, question: Question) -> Answer:
        loop = asyncio.get_running_loop()
        if time.monotonic() >= self._read_again_at:
            self._read_again_at = time.monotonic() + CONFIGURATION_KEPT_INTERVAL
            await loop.run_in_executor(self._threads, self._read_configuration)
        if self._dns is None or self._is_the_systems(question):
            if question.kind is not Kind.ADDRESS:
                return Answer([], SYSTEM_KEPT_INTERVAL)
            addresses = await loop.run_in_executor(self._threads, _system_addresses, question.name)
            return Answer([*addresses], SYSTEM_KEPT_INTERVAL) if addresses else FAILED
        if question.kind is not Kind.ADDRESS:
            return await self._ask_dns(self._dns, question.name, question.kind.value)
        both = await asyncio.gather(*(self._ask_dns(self._dns, question.name, kind) for kind in ("AAAA", "A")))
        records = [record for answer in both for record in answer.records]
        # What one family lacks may be kept as long as the other has addresses, but not a failure.
        return Answer(records, min(answer.kept for answer in both))

    async def _ask_dns(self, resolver: dns.asyncresolver.Resolver, name: str, kind: str) -> Answer:
        asked = dns.name.from_text(f"{name}.")
        try:
            found = await resolver.resolve(asked, kind, search=False, raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN as error:
            response: dns.message.QueryMessage = error.response(asked)  # type: ignore[no-untyped-call]  # dnspython's
            return Answer([], float(response.resolve_chaining().minimum_ttl))
        except dns.exception.DNSException:
            return FAILED
        rdatas: Iterable[dns.rdata.Rdata] = found.rrset or ()
        records = [record for rdata in islice(rdatas, MAX_RECORDS) if (record := _record(rdata)) is not None]
        return Answer(records, float(found.chaining_result.minimum_ttl))

    def _is_the_systems(self, question: Question) -> bool:
        name = question.name
        if question.kind is Kind.SRV:
            name = ".".join(label for label in name.split(".") if not label.startswith("_"))
        return "." not in name or name.endswith((".localhost", ".local")) or name in self._host_names

    def _read_configuration(self) -> None:
        try:
            lines = self._hosts.read_text(errors="replace").splitlines()
        except OSError:
            lines = []
        words = (line.partition("#")[0].split()[1:] for line in lines)
        self._host_names = frozenset(word.lower().rstrip(".") for names in words for word in names)
        if self._servers:
            if self._dns is None:
                self._dns = self._configured(dns.asyncresolver.Resolver(configure=False))
                self._dns.nameservers = [dns.nameserver.Do53Nameserver(host, port) for host, port in self._servers]
            return
        try:
            self._dns = self._configured(dns.asyncresolver.Resolver())
        except (OSError, ValueError, dns.exception.DNSException):
            self._dns = None  # no resolv.conf, or a useless one: the system does what it can

    def _configured(self, resolver: dns.asyncresolver.Resolver) -> dns.asyncresolver.Resolver:
        resolver.timeout = self._attempt_timeout
        resolver.lifetime = self._timeout
        resolver.use_edns(0, 0, EDNS_PAYLOAD)
        return resolver

    def stop(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _record(rdata: dns.rdata.Rdata) -> Record | None:
    if isinstance(rdata, (A, AAAA)):
        return str(rdata.address)
    if isinstance(rdata, SRV):
        return Srv(rdata.priority, rdata.weight, rdata.port, _text(rdata.target))
    if isinstance(rdata, NAPTR):
        flags, service, regexp = (
            part.decode("ascii", "replace") for part in (rdata.flags, rdata.service, rdata.regexp)
        )
        return Naptr(rdata.order, rdata.preference, flags, service, regexp, _text(rdata.replacement))
    return None


def _text(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower()


def _system_addresses(name: str) -> list[str]:
    found = socket.getaddrinfo(name, None, type=socket.SOCK_DGRAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))[:MAX_RECORDS]
