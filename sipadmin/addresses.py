"""Addresses as settings write them, parsed and checked. No Django: manage.py reads it first."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from typing import NamedTuple

PROTOCOLS = ("udp", "tcp", "tls", "ws", "wss")  # of sip.transport.flow, which manage.py cannot import this early


class BadSetting(ValueError):
    """One clear line: which setting, what is wrong, what would be right."""


class HostPort(NamedTuple):
    """A numeric or named address to listen on; an IPv6 host is kept without brackets."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_any(self) -> bool:
        return self.host in ("0.0.0.0", "::")

    @property
    def is_loopback(self) -> bool:
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


class SipAddress(NamedTuple):
    """Where to speak SIP. ``protocols`` as the engine names them; ``advertised`` is what others call that address, None
    where it is what it is."""

    protocols: Sequence[str]
    address: HostPort
    advertised: HostPort | None = None

    def __str__(self) -> str:
        called = f" as {self.advertised}" if self.advertised is not None else ""
        return f"{', '.join(self.protocols)} {self.address}{called}"

    @property
    def is_secure(self) -> bool:
        return self.protocols[0] in ("tls", "wss")


def parse_port(text: str, name: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65535:
        raise BadSetting(f"{name}: {text!r} is not a port; use a number from 1 to 65535")
    return int(text)


def parse_host_port(text: str, name: str) -> HostPort:
    """``127.0.0.1:5060``, ``[::1]:5060`` or ``host.example:5060``; BadSetting names the setting."""
    text = text.strip()
    host, colon, port = text.rpartition(":")
    if not colon or not host:
        raise BadSetting(f"{name}: {text!r} is not HOST:PORT, such as 127.0.0.1:5060 or [::1]:5060")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
        try:
            ipaddress.IPv6Address(host)
        except ValueError:
            raise BadSetting(f"{name}: {text!r} has no IPv6 address between the brackets") from None
    elif ":" in host:
        raise BadSetting(f"{name}: {text!r} is not HOST:PORT; write an IPv6 address in brackets, such as [::1]:5060")
    elif not all(character.isalnum() or character in ".-" for character in host):
        raise BadSetting(f"{name}: {text!r} is not HOST:PORT, such as 127.0.0.1:5060 or [::1]:5060")
    return HostPort(host, parse_port(port, name))


def parse_sip_address(text: str, name: str) -> SipAddress:
    """``[PROTOCOL:]HOST:PORT[=HOST:PORT]``, what is behind = being what others call it; BadSetting names the setting.

    Without a protocol, and with udp, it is UDP and TCP, for where one is spoken the other must be (§18.2.1).
    """
    protocol, colon, rest = text.partition(":")
    if not colon or protocol.lower() not in PROTOCOLS:
        protocol, rest = "udp", text
    address, equals, advertised = rest.partition("=")
    protocol = protocol.lower()
    return SipAddress(
        ("udp", "tcp") if protocol == "udp" else (protocol,),
        parse_host_port(address, name),
        parse_host_port(advertised, name) if equals else None,
    )


def check_differ(addresses: Iterable[SipAddress], name: str) -> None:
    """No two listeners on one port: all but UDP are streams."""
    seen: set[tuple[bool, HostPort]] = set()
    for one in addresses:
        for is_datagram in {protocol == "udp" for protocol in one.protocols}:
            if (is_datagram, one.address) in seen:
                raise BadSetting(f"{name} names the same address twice: {one.address}")
            seen.add((is_datagram, one.address))
