"""SIP, SIPS and other URIs: parse, print, compare (§19.1), canonical address-of-record (§10.3 step 5)."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from sip.message.errors import BadMessage
from sip.message.limits import CACHED_CHARACTERS, MAX_URI_CHARACTERS
from sip.message.params import printable

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):(.*)\Z", re.DOTALL)
_FORBIDDEN = re.compile(r'[\x00-\x20\x7f<>"\\^`{|}@]')  # outside of userinfo's one "@" none of these may stand raw
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_HOST = re.compile(r"[A-Za-z0-9_.\-]+\Z")
_PORT = re.compile(r"[0-9]{1,5}\Z")
# §19.1.4: a URI with one of these never equals a URI without it.
_DISTINGUISHING = ("user", "ttl", "method", "maddr")


class Uri:
    """One URI. Treat as immutable: parsed URIs are shared.

    ``scheme`` and ``host`` are in lower case; ``user`` and ``password`` are as received (escaped), None when absent;
    ``port`` is None when absent; ``headers`` is the text after "?". Of a scheme other than sip and sips only
    ``scheme`` and ``opaque`` are set.
    """

    __slots__ = ("headers", "host", "opaque", "params", "password", "port", "scheme", "text", "user")

    text: str
    scheme: str
    opaque: str
    user: str | None
    password: str | None
    host: str
    port: int | None
    params: dict[str, str | None]
    headers: str

    @staticmethod
    def parse(text: str) -> Uri:
        """URI from its text; BadMessage (400, or 414 when too long) when malformed."""
        if len(text) > CACHED_CHARACTERS:
            if len(text) > MAX_URI_CHARACTERS:
                raise BadMessage("URI too long", status=414)
            return _parse(text)
        return _cached_parse(text)

    @property
    def is_sip(self) -> bool:
        return self.scheme in ("sip", "sips")

    @property
    def transport(self) -> str:
        """Transport parameter in lower case, empty when absent (§19.1.1)."""
        return (self.params.get("transport") or "").lower()

    @property
    def has_lr(self) -> bool:
        return "lr" in self.params

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Uri({self.text!r})"

    def aor(self) -> str:
        """Canonical address-of-record: ``sip:user@host``, unescaped, without port and parameters (§10.3 step 5)."""
        if not self.is_sip:
            return self.text
        return f"sip:{unescape(self.user)}@{self.host}" if self.user is not None else f"sip:{self.host}"

    @property
    def username(self) -> str:
        """User part without escapes; empty when absent."""
        return unescape(self.user) if self.user is not None else ""

    def equals(self, other: Uri) -> bool:
        """Equality of §19.1.4; not transitive, so never a dictionary key."""
        if self.text == other.text:
            return True
        if self.scheme != other.scheme:
            return False
        if not self.is_sip:
            return self.opaque == other.opaque
        if self.host != other.host or self.port != other.port:
            return False
        if _compared(self.user) != _compared(other.user) or _compared(self.password) != _compared(other.password):
            return False
        mine, theirs = self.params, other.params
        for name, value in mine.items():
            if name in theirs:
                if _folded(value) != _folded(theirs[name]):
                    return False
            elif name in _DISTINGUISHING:
                return False
        if any(name in theirs and name not in mine for name in _DISTINGUISHING):
            return False
        return _headers(self.headers) == _headers(other.headers)

    def without_headers_and_method(self) -> Uri:
        """The URI as it may stand in a Request-URI (§16.6 step 2, Table 1 of §19.1.1)."""
        if not self.headers and "method" not in self.params:
            return self
        text = self.text.partition("?")[0] if self.headers else self.text
        if "method" in self.params:
            head, at, tail = text.rpartition("@")
            text = head + at + re.sub(r";\s*method=[^;]*", "", tail, flags=re.IGNORECASE)
        return Uri.parse(text)

    def without_params(self, *names: str) -> Uri:
        """The URI without the parameters named (lower case)."""
        if not any(name in self.params for name in names):
            return self
        head, at, tail = self.text.rpartition("@")
        tail, question, headers = tail.partition("?")
        parts = tail.split(";")
        kept = [
            parts[0],
            *[part for part in parts[1:] if part.partition("=")[0].strip().lower() not in names],
        ]
        return Uri.parse(head + at + ";".join(kept) + question + headers)


def unescape(text: str) -> str:
    """Text without %-escapes (§19.1.2); escaped bytes are UTF-8, others survive as surrogates."""
    if "%" not in text:
        return text
    return unquote_to_bytes(text.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")


@lru_cache(4096)
def is_ipv6_reference(text: str) -> bool:
    """Whether the text is an IPv6 address in brackets (§25.1)."""
    if not (text.startswith("[") and text.endswith("]")):
        return False
    try:
        ipaddress.IPv6Address(text[1:-1])
    except ValueError:
        return False
    return True


@lru_cache(8192)
def split_host_port(text: str) -> tuple[str, int | None]:
    """``host[:port]`` in lower case; BadMessage when malformed."""
    if len(text) > 262:  # a name of 255 octets (RFC 1035 §2.3.4), a colon, a port; and errors are never cached
        raise BadMessage("Host too long")
    if text.startswith("["):
        host, bracket, rest = text.partition("]")
        host += bracket
        if not is_ipv6_reference(host) or (rest and rest[0] != ":"):
            raise BadMessage(f"Malformed IPv6 address {printable(text)}")
        port_text = rest[1:] if rest else None
    else:
        host, colon, port = text.partition(":")
        port_text = port if colon else None
        if not _HOST.match(host):
            raise BadMessage(f"Malformed host {printable(text)}")
    if port_text is None:
        return host.lower(), None
    if not _PORT.match(port_text) or int(port_text) > 65535:
        raise BadMessage(f"Malformed port {printable(port_text)}")
    return host.lower(), int(port_text)


def _compared(text: str | None) -> str | None:
    # An escaped character equals the plain one unless it is reserved (§19.1.4): those keep their escape.
    if text is None or "%" not in text:
        return text
    return re.sub(r"%([0-9A-Fa-f]{2})", _plain_when_unreserved, text)


def _folded(text: str | None) -> str:
    return (_compared(text) or "").lower()


def _plain_when_unreserved(match: re.Match[str]) -> str:
    character = chr(int(match[1], 16))
    return match[0].upper() if character in ";/?:@&=+$," or not " " < character < "\x7f" else character


def _headers(text: str) -> list[tuple[str, str]]:
    # §19.1.4: URI headers are compared without regard to order; names without regard to case.
    pairs = [part.partition("=") for part in text.split("&")] if text else []
    return sorted((name.lower(), _compared(value) or "") for name, _, value in pairs)


def _parse(text: str) -> Uri:
    match = _SCHEME.match(text)
    if match is None:
        raise BadMessage(f"Malformed URI {printable(text)}")
    uri = Uri()
    uri.text = text
    uri.scheme = match[1].lower()
    uri.opaque = rest = match[2]
    uri.user = uri.password = uri.port = None
    uri.host = uri.headers = ""
    uri.params = {}
    if uri.scheme not in ("sip", "sips"):
        if not rest or _FORBIDDEN.search(rest.replace("@", "")):
            raise BadMessage(f"Malformed URI {printable(text)}")
        return uri
    userinfo, at, rest = rest.rpartition("@")
    if _FORBIDDEN.search(userinfo) or _FORBIDDEN.search(rest) or _BAD_ESCAPE.search(text):
        raise BadMessage(f"Malformed URI {printable(text)}")
    if at:
        user, colon, password = userinfo.partition(":")
        if not user:
            raise BadMessage(f"Malformed URI {printable(text)}: empty user")
        uri.user = user
        uri.password = password if colon else None
    rest, _, uri.headers = rest.partition("?")
    host_port, semicolon, params = rest.partition(";")
    uri.host, uri.port = split_host_port(host_port)
    if semicolon:
        for part in params.split(";"):
            name, equals, value = part.partition("=")
            name = unescape(name).lower()
            if not name or (equals and not value):
                raise BadMessage(f"Malformed URI parameter {printable(part)}")
            if name in uri.params:
                raise BadMessage(f"URI parameter {printable(name)} given twice")
            uri.params[name] = value if equals else None
    return uri


_cached_parse = lru_cache(8192)(_parse)
