"""Sends one message to an address of somebody's choosing, and to nobody inside (SSRF).

Every address is judged when it is connected to, not when the URL is saved: a name that leads elsewhere later, or gives
another answer the second time it is asked, gains nothing. Redirects are not followed.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from threading import Timer
from time import monotonic
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from sipadmin.environment import Network

CONNECT_TIMEOUT = 5.0  # seconds for each address
READ_TIMEOUT = 10.0  # seconds of silence
LONGEST = 15.0  # seconds for the whole, however slowly it drips
MOST_RESPONSE = 64 * 1024  # bytes that are read; only the status counts
LONGEST_URL = 500
NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: an IPv4 address in the last 32 bits


class TargetRefused(ValueError):
    """The address is none that this server may be sent to; the text says why and what would help."""


class Outcome(NamedTuple):
    """``status`` 0: there was no answer, ``error`` says why. ``retry_after`` in seconds."""

    status: int
    error: str
    ms: int
    retry_after: float | None = None

    @property
    def is_delivered(self) -> bool:
        return 200 <= self.status < 300


def check_url(url: str) -> SplitResult:
    """The parts of an http or https URL; TargetRefused says what is wrong."""
    if len(url) > LONGEST_URL or any(ord(character) < 33 or ord(character) > 126 for character in url):
        raise TargetRefused(f"use up to {LONGEST_URL} printable ASCII characters without spaces")
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - read for its error
    except ValueError:
        raise TargetRefused("is not a URL, such as https://example.org/hook") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise TargetRefused("must begin with https:// or http:// and name a host")
    if parts.username is not None or parts.password is not None:
        raise TargetRefused("must not hold a user name or password; check the signature instead")
    if parts.fragment:
        raise TargetRefused("must not have a fragment (#)")
    return parts


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address is on the public internet, also what it wraps: IPv4 in IPv6 in its several ways."""
    if isinstance(address, IPv6Address):
        wrapped = address.ipv4_mapped or address.sixtofour
        if wrapped is None and address.teredo is not None:
            wrapped = address.teredo[1]
        if wrapped is None and address in NAT64:
            wrapped = IPv4Address(int(address) & 0xFFFFFFFF)
        if wrapped is not None and not is_public(wrapped):
            return False
    return address.is_global and not address.is_multicast


def may_connect(text: str, allowed: Sequence[Network]) -> bool:
    """Whether an address may be a target: public, or in a network that the administrator allows."""
    address = ip_address(text.partition("%")[0])
    plain = getattr(address, "ipv4_mapped", None) or address
    return is_public(address) or any(plain in network for network in allowed)


def connect(host: str, port: int, allowed: Sequence[Network]) -> socket.socket:
    """Connected to the first address of the host that answers; OSError, or TargetRefused when none may be asked."""
    refused = ""
    failure: OSError | None = None
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        text = str(address[0])
        if not may_connect(text, allowed):
            refused = text
            continue
        connection = socket.socket(family, kind, protocol)
        connection.settimeout(CONNECT_TIMEOUT)
        try:
            connection.connect(address)
        except OSError as error:
            connection.close()
            failure = error
            continue
        connection.settimeout(READ_TIMEOUT)
        return connection
    if failure is not None:
        raise failure
    raise TargetRefused(f"{refused or host} is not a public address; SIPADMIN_WEBHOOK_NETWORKS can allow its network")


def send(url: str, headers: Mapping[str, str], body: str, allowed: Sequence[Network]) -> Outcome:
    """POST the body once. Never raises for what the other side does."""
    started = monotonic()

    def outcome(status: int, error: str, retry_after: float | None = None) -> Outcome:
        return Outcome(status, error[:300], int((monotonic() - started) * 1000), retry_after)

    try:
        parts = check_url(url)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        connection = connect(host, port, allowed)
        held = [connection]  # what is to be cut; TLS takes its place
        deadline = Timer(LONGEST, lambda: cut(held[0]))
        deadline.daemon = True
        deadline.start()
        try:
            if parts.scheme == "https":
                context = ssl.create_default_context()
                held[0] = context.wrap_socket(connection, server_hostname=host, do_handshake_on_connect=False)
                held[0].do_handshake()
            client = http.client.HTTPConnection(host, port)
            client.sock = held[0]
            place = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
            client.request("POST", place, body.encode(), dict(headers))
            answer = client.getresponse()
            answer.read(MOST_RESPONSE)
            error = "" if 200 <= answer.status < 300 else f"answered {answer.status} {answer.reason}"
            return outcome(answer.status, printable(error), seconds(answer.headers.get("Retry-After")))
        finally:
            deadline.cancel()
            held[0].close()
    except TargetRefused as error:
        return outcome(0, str(error))
    except (OSError, http.client.HTTPException, ValueError) as error:
        return outcome(0, printable(f"{type(error).__name__}: {error}"))


def cut(connection: socket.socket) -> None:
    """End a connection that another thread reads from."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def printable(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)


def seconds(text: str | None) -> float | None:
    """Retry-After in seconds; its form with a date is not worth it."""
    return float(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else None
