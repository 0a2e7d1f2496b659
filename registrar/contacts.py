"""What a Contact may be, and how it is kept (§10.2.1, §20.10). Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from functools import lru_cache

from sip.message.address import Address
from sip.message.limits import MAX_ROUTES, MAX_URI_CHARACTERS
from sip.message.params import format_params, printable
from sip.transport.flow import bare_host

# What stands in a column of its own, and what is ours to give (RFC 5627 §5.1).
_NEUTRAL = frozenset({"q", "expires", "pub-gruu", "temp-gruu"})

_NOT_LOCAL = "Contact host {} is this server's own machine, and the phone is not on it"


def storable(text: str) -> str:
    """Text that any database takes: bytes that are not UTF-8 and NUL become escapes."""
    if text.isascii() and "\0" not in text:
        return text
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def other_parameters(params: dict[str, str | None]) -> str:
    """Contact parameters other than q, expires and GRUUs, as text to be repeated in every 200."""
    if params.keys() <= _NEUTRAL:
        return ""
    return storable(format_params({name: value for name, value in params.items() if name not in _NEUTRAL}))


def contact_problem(
    address: Address, aor: str, is_own_address: Callable[[str, int | None], bool], *, is_local: bool
) -> tuple[int, str] | None:
    """Status and reason when nobody may be called at this contact, else None; BadMessage when it is malformed.

    A binding makes us send to an address that somebody else chose: never to a group, never to ourselves, and to this
    machine only where the REGISTER came from it (``is_local``). Names are not resolved. Schemes other than sip and sips
    are only ever redirected to (R26).
    """
    uri, text = address.uri, address.uri_text
    if len(text) > MAX_URI_CHARACTERS or len(other_parameters(address.params)) > MAX_URI_CHARACTERS:
        return 400, "Contact too long"
    if storable(text) != text:
        return 400, "Contact is not UTF-8"
    if not uri.is_sip:
        return None
    if uri.port == 0:
        return 400, "Contact with port 0"
    if uri.aor() == aor and uri.port is None:
        return 403, "Contact is the address-of-record itself"
    if "gr" in uri.params and uri.host == aor.rpartition("@")[2]:
        return 403, "Contact is a GRUU of this domain"  # RFC 5627 §5.1
    for host in (uri.host, (uri.params.get("maddr") or "").lower()):
        if not host:
            continue
        problem = host_problem(host, is_local)
        if problem is not None:
            return problem
        if is_own_address(host, uri.port):
            return 403, f"Contact {printable(host)} is an address of this server"
    return None


def path_problem(values: Sequence[str], *, is_local: bool) -> tuple[int, str] | None:
    """Status and reason when requests cannot go this way (RFC 3327 §5.3), else None; BadMessage when it is malformed.

    A Path makes us send to addresses that somebody else chose, just as a contact does. An address of this server is
    allowed: the route set that comes of it drops it (§16.4).
    """
    if len(values) > MAX_ROUTES:
        return 400, f"More than {MAX_ROUTES} Path values"
    for value in values:
        uri = Address.parse(value).uri
        if not uri.is_sip or uri.port == 0:
            return 400, "Path leads nowhere"
        problem = host_problem(uri.host, is_local)
        if problem is None and "maddr" in uri.params:
            problem = host_problem(uri.params["maddr"] or "", is_local)
        if problem is not None:
            return problem[0], problem[1].replace("Contact host", "Path host", 1)
    return None


@lru_cache(4096)
def host_problem(host: str, is_local: bool) -> tuple[int, str] | None:
    """Status and reason when no phone can have this host, else None. ``is_local``: it may be on this machine."""
    try:
        address = ipaddress.ip_address(bare_host(host))
    except ValueError:
        # §25.1: the last label of a name begins with a letter. A resolver would take "0" or "127.1" for an address.
        last = host.rstrip(".").rpartition(".")[2].lower()
        if last == "localhost" and not is_local:  # RFC 6761 §6.3
            return 403, _NOT_LOCAL.format(printable(host))
        if last[:1].isalpha():
            return None
        return 400, f"Contact host {printable(host)} is neither a name nor an address"
    address = getattr(address, "ipv4_mapped", None) or address
    is_of_nobody = address.version == 4 and (address.is_reserved or address.packed[0] == 0)  # 240/4, 0/8
    if address.is_multicast or address.is_unspecified or is_of_nobody:
        return 403, f"Contact host {printable(host)} is no address of a phone"
    if address.is_loopback and not is_local:
        return 403, _NOT_LOCAL.format(printable(host))
    return None
