"""Names that stand for users, hosts and tags in what is shown to outsiders: the same one for the same thing. Pure."""

from __future__ import annotations

import re
from ipaddress import ip_address

from sip.message.errors import BadMessage
from sip.message.uri import Uri

MASK = "***"

# RFC 5737, for reading aloud: who sees one of these knows that it is none.
_NETWORKS = ("192.0.2", "198.51.100", "203.0.113")
_URI_PARAMETERS = frozenset(("lr", "transport", "user", "ob", "method"))
_ADDRESS = re.compile(
    r"\b\d{1,3}(?:\.\d{1,3}){3}\b|\[?[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}\]?|[\w.%+-]{1,64}@[\w.-]{1,120}|\+?(?<![:\d])\d{5,}|\d{6,}"
)

# What our sentences say themselves is plain: the rest was the wire's.
_ODD = re.compile(r"<[^>]*>?|[^ ]*[^ -~][^ ]*")


class Pseudonyms:
    """Fills as it is asked. ``texts``: what has been replaced, with what stands for it."""

    def __init__(self) -> None:
        self._users: dict[str, str] = {}
        self._hosts: dict[str, str] = {}
        self._tokens: dict[tuple[str, str], str] = {}

    def user(self, text: str, name: str = "") -> str:
        """``name``, or user-1 ... in the order of asking."""
        if text not in self._users:
            self._users[text] = name or f"user-{len(self._users) + 1}"
        return self._users[text]

    def host(self, text: str) -> str:
        """An address of the documentation networks for an address, domain-1.example ... for a name."""
        key = text.strip("[]").partition("%")[0].lower()
        if key not in self._hosts:
            count = sum(1 for known in self._hosts.values() if known[0].isdigit())
            if is_address(key):
                self._hosts[key] = f"{_NETWORKS[count // 254 % 3]}.{count % 254 + 1}"
            else:
                self._hosts[key] = f"domain-{len(self._hosts) - count + 1}.example"
        return self._hosts[key]

    def token(self, kind: str, text: str) -> str:
        """``kind``-1 ... for tags, branches and Call-IDs."""
        key = (kind, text)
        if key not in self._tokens:
            self._tokens[key] = f"{kind}-{sum(known == kind for known, _ in self._tokens) + 1}"
        return self._tokens[key]

    def place(self, text: str) -> str:
        """``host:port``; the port stays, the host does not."""
        host, _, port = text.rpartition(":")
        return f"{self.host(host)}:{port}" if host and port.isdigit() else MASK

    def hop(self, text: str) -> str:
        """``transport:host:port``."""
        transport, _, place = text.partition(":")
        return f"{transport}:{self.place(place)}" if place and transport.isalpha() else ""

    def uri(self, text: str, name: str = "") -> str:
        """A URI with its scheme and what says how it is reached, and nothing of whom."""
        try:
            uri = Uri.parse(text)
        except BadMessage:
            return MASK
        if not uri.is_sip:
            return f"{uri.scheme}:{MASK}" if uri.scheme.isalpha() and len(uri.scheme) < 10 else MASK
        user = f"{self.user(uri.user, name)}@" if uri.user is not None else ""
        port = f":{uri.port}" if uri.port is not None else ""
        params = "".join(
            f";{key}" + (f"={value}" if value and value.isalnum() else "")
            for key, value in uri.params.items()
            if key in _URI_PARAMETERS
        )
        return f"{uri.scheme}:{user}{self.host(uri.host)}{port}{params}"

    def sentence(self, text: str) -> str:
        """A sentence of ours: known users and hosts replaced, and whatever else looks like a number or an address."""
        known = {**self._hosts, **self._users}
        for original in sorted(known, key=len, reverse=True):
            if len(original) > 1:
                text = re.sub(rf"(?<![\w-]){re.escape(original)}(?![\w-])", known[original], text, flags=re.IGNORECASE)
        mine = set(known.values())
        text = _ODD.sub(MASK, text)
        return _ADDRESS.sub(lambda found: found[0] if self._is_mine(found[0], mine) else MASK, text)

    @staticmethod
    def _is_mine(text: str, mine: set[str]) -> bool:
        return text in mine or all(part in mine for part in text.split("@"))


def is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
