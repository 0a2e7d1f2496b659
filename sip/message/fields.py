"""Typed views of single header fields, parsed on demand (§20)."""

from __future__ import annotations

import re
from typing import NamedTuple

from sip.message.address import Address
from sip.message.errors import BadMessage
from sip.message.params import is_token, printable, split_list, unquote

MAX_EXPIRES = 2**32 - 1  # §20.19
MALFORMED_EXPIRES = 3600  # §10.2: a malformed expires parameter counts as an hour
DEFAULT_Q = 1.0  # §20.10 leaves it open; a contact without q is as good as the best

_Q = re.compile(r"(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)\Z")
_AUTH_PARAMETER = re.compile(
    r"""\s*([A-Za-z0-9\-.!%*_+`'~]+)\s*=\s*("[^"\\]*(?:\\.[^"\\]*)*"|[^\s,"]+)\s*(?:,|\Z)""", re.DOTALL
)


class CSeq(NamedTuple):
    """Sequence number and method (§20.16)."""

    number: int
    method: str


def parse_cseq(text: str) -> CSeq:
    """CSeq from its text; BadMessage when malformed."""
    if len(text) > 128:
        raise BadMessage("CSeq too long", field="cseq")
    number, _, method = text.partition(" ")
    method = method.strip()
    # §8.1.1.5: less than 2**31
    if not (number.isascii() and number.isdigit()) or len(number) > 10 or int(number) >= 2**31 or not is_token(method):
        parts = text.split()
        if len(parts) == 2 and parts != [number, method]:
            return parse_cseq(" ".join(parts))
        raise BadMessage(f"Malformed CSeq {printable(text)}", field="cseq")
    return CSeq(int(number), method)


class Contacts(NamedTuple):
    """Contact header fields of one message (§20.10). ``is_star`` when one of the values is "*"."""

    is_star: bool
    addresses: list[Address]


def parse_contacts(values: list[str]) -> Contacts:
    """Contacts from header field lines; BadMessage when one is malformed."""
    is_star = False
    addresses = []
    for line in values:
        for value in split_list(line):
            if value == "*":
                is_star = True
            elif value.startswith("*") and value[1:].lstrip().startswith(";"):
                raise BadMessage("Contact * takes no parameters", field="contact")
            else:
                addresses.append(Address.parse(value))
    return Contacts(is_star, addresses)


def parse_q(text: str | None) -> float:
    """q value from 0 to 1 with at most three decimals (§20.10, §25.1); DEFAULT_Q when absent; BadMessage else."""
    if text is None:
        return DEFAULT_Q
    if not _Q.match(text):
        raise BadMessage(f"Malformed q value {printable(text)}", field="contact")
    return float(text)


def parse_expires(text: str | None, default: int) -> int:
    """Delta-seconds; malformed counts as 3600, too large as the largest (§10.2, §20.19)."""
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()):
        return MALFORMED_EXPIRES
    return MAX_EXPIRES if len(text) > 10 else min(int(text), MAX_EXPIRES)


def parse_max_forwards(text: str) -> int:
    """0 to 255 (§20.22); BadMessage when malformed."""
    if not (text.isascii() and text.isdigit()) or len(text) > 10 or int(text) > 255:
        raise BadMessage(f"Malformed Max-Forwards {printable(text)}", field="max-forwards")
    return int(text)


class Credentials(NamedTuple):
    """A challenge or credentials: scheme in lower case, parameters unquoted with names in lower case (§20.7)."""

    scheme: str
    params: dict[str, str]


def parse_credentials(text: str) -> Credentials:
    """Value of a challenge or credentials header field (§20.7, §20.27); BadMessage when malformed."""
    scheme, _, rest = text.strip().partition(" ")
    params: dict[str, str] = {}
    position, end = 0, len(rest)
    match = _AUTH_PARAMETER.match
    while position < end:
        found = match(rest, position)
        if found is None:
            raise BadMessage(f"Malformed {printable(scheme)} parameters near {printable(rest[position:].strip())}")
        name = found[1].lower()
        if name in params:
            raise BadMessage(f"Authentication parameter {printable(name)} given twice")
        params[name] = unquote(found[2])
        position = found.end()
    return Credentials(scheme.lower(), params)
