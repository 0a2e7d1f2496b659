"""A call as a capture file: each message as a UDP datagram in an IP packet, whatever carried it.

The libpcap format with timestamps in microseconds and link type RAW, which IPv4 and IPv6 share. Messages of TCP, TLS
and WebSockets become datagrams with the same addresses and ports, so that every reader shows them as SIP.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from ipaddress import ip_address

from proxy.ladder.calls import Message

LINKTYPE_RAW = 101
SNAPLEN = 65_535
MOST_PAYLOAD = 65_000  # an IP packet has 65,535 bytes with its header
UDP = 17
TTL = 64


def as_pcap(messages: Sequence[Message]) -> bytes:
    """The file."""
    header = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, SNAPLEN, LINKTYPE_RAW)
    return header + b"".join(_record(message) for message in messages)


def _record(message: Message) -> bytes:
    microseconds = round(message.at * 1_000_000)
    source, target = (message.remote, message.local) if message.is_received else (message.local, message.remote)
    packet = _packet(_address(source), _address(target), message.text.encode("utf-8", "replace")[:MOST_PAYLOAD])
    seconds, rest = divmod(microseconds, 1_000_000)
    return struct.pack("<IIII", seconds & 0xFFFFFFFF, rest, len(packet), len(packet)) + packet


def _address(text: str) -> tuple[bytes, int]:
    """Packed host and port of ``192.0.2.1:5060`` or ``[2001:db8::1]:5060``."""
    host, _, port = text.rpartition(":")
    try:
        return ip_address(host.strip("[]").partition("%")[0]).packed, int(port) & 0xFFFF
    except ValueError:
        return bytes(4), 0


def _packet(source: tuple[bytes, int], target: tuple[bytes, int], payload: bytes) -> bytes:
    hosts = (source[0], target[0])
    if len(hosts[0]) != len(hosts[1]):
        hosts = _mapped(hosts[0]), _mapped(hosts[1])
    length = 8 + len(payload)
    ports = struct.pack(">HHH", source[1], target[1], length)
    if len(hosts[0]) == 4:
        pseudo = hosts[0] + hosts[1] + struct.pack(">BBH", 0, UDP, length)
        start = struct.pack(">BBHHHBB", 0x45, 0, 20 + length, 0, 0, TTL, UDP)
        header = start + struct.pack(">H", checksum(start + b"\0\0" + hosts[0] + hosts[1])) + hosts[0] + hosts[1]
    else:
        pseudo = hosts[0] + hosts[1] + struct.pack(">II", length, UDP)
        header = struct.pack(">IHBB", 0x60000000, length, UDP, TTL) + hosts[0] + hosts[1]
    sum_ = checksum(pseudo + ports + b"\0\0" + payload) or 0xFFFF  # RFC 768: zero would mean "none"
    return header + ports + struct.pack(">H", sum_) + payload


def _mapped(host: bytes) -> bytes:
    return host if len(host) == 16 else bytes(10) + b"\xff\xff" + host  # RFC 4291 §2.5.5.2


def checksum(data: bytes) -> int:
    """RFC 1071."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
