"""A DNS server on loopback, with a zone that a test writes.

async with DnsServer({("_sip._udp.example.org", "SRV"): ["10 60 5070 a.example.org."]}) as server:
    NameServers([server.address])
"""

from __future__ import annotations

import asyncio
from typing import Self

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

TTL = 300
SOA = "ns.example.org. admin.example.org. 1 7200 900 1209600 30"


class DnsServer(asyncio.DatagramProtocol):
    """``zone``: name and type to record texts. ``silent`` names get no answer, ``broken`` ones SERVFAIL.

    ``asked`` lists "TYPE name" as it came. Names of the zone without the type get an empty answer, others NXDOMAIN;
    CNAME records are followed as far as the zone goes. What does not fit a datagram comes by TCP.
    """

    def __init__(self, zone: dict[tuple[str, str], list[str]], ttl: int = TTL) -> None:
        self.zone = zone
        self.ttl = ttl
        self.silent: set[str] = set()
        self.broken: set[str] = set()
        self.asked: list[str] = []
        self.address = ("127.0.0.1", 0)

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        for _ in range(20):
            self._tcp = await asyncio.start_server(self._by_tcp, "127.0.0.1", 0)
            self.address = ("127.0.0.1", self._tcp.sockets[0].getsockname()[1])
            try:
                self._udp, _ = await loop.create_datagram_endpoint(lambda: self, self.address)
            except OSError:
                self._tcp.close()
            else:
                return self
        raise OSError("No port is free for both UDP and TCP")

    async def __aexit__(self, *exception: object) -> None:
        self._udp.close()
        self._tcp.close()

    def datagram_received(self, data: bytes, source: tuple[str, int]) -> None:
        response = self._answer(dns.message.from_wire(data))
        if response is None:
            return
        wire = response.to_wire(max_size=65535)
        if len(wire) > 1232:
            response.answer.clear()
            response.flags |= dns.flags.TC
            wire = response.to_wire()
        self._udp.sendto(wire, source)

    async def _by_tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        length = int.from_bytes(await reader.readexactly(2), "big")
        response = self._answer(dns.message.from_wire(await reader.readexactly(length)))
        if response is not None:
            wire = response.to_wire(max_size=65535)
            writer.write(len(wire).to_bytes(2, "big") + wire)
        writer.close()

    def _answer(self, query: dns.message.Message) -> dns.message.Message | None:
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True)
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked.append(f"{kind} {name}")
        if name in self.silent:
            return None
        response = dns.message.make_response(query)
        if name in self.broken:
            response.set_rcode(dns.rcode.SERVFAIL)
            return response
        seen: set[str] = set()
        while (name, "CNAME") in self.zone and name not in seen:
            seen.add(name)
            target = self.zone[name, "CNAME"][0]
            response.answer.append(dns.rrset.from_text(f"{name}.", self.ttl, "IN", "CNAME", target))
            name = target.rstrip(".")
        if (name, kind) in self.zone:
            response.answer.append(dns.rrset.from_text(f"{name}.", self.ttl, "IN", kind, *self.zone[name, kind]))
        else:
            response.authority.append(dns.rrset.from_text("example.org.", self.ttl, "IN", "SOA", SOA))
            if not any(known == name for known, _ in self.zone):
                response.set_rcode(dns.rcode.NXDOMAIN)
        return response
