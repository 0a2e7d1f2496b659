"""The way that phones are told to send their requests: Service-Route in the 200 to REGISTER (RFC 3608). Pure."""

from __future__ import annotations

from sip.message.address import Address
from sip.message.errors import BadMessage
from sip.message.limits import MAX_ROUTES
from sip.message.params import split_list


def service_route_problem(text: str) -> str:
    """A sentence what is wrong with a Service-Route value; empty when it is right, or empty itself."""
    try:
        values = split_list(text)
        addresses = [Address.parse(value) for value in values]
        uris = [address.uri for address in addresses]
    except BadMessage as error:
        return f"This is no list of addresses in <>: {error.reason}."
    if not text.isascii() or "\n" in text or "\r" in text:
        return "Use one line of ASCII characters."
    if len(values) > MAX_ROUTES:
        return f"Use at most {MAX_ROUTES} addresses."
    for value, uri in zip(values, uris, strict=True):
        if not uri.is_sip or not value.startswith("<"):
            return "Each address is a SIP URI in <>, such as <sip:edge.example.org;lr>."
        if not uri.has_lr:
            return f"{value} needs ;lr, or phones would put it into the Request-URI (RFC 3608)."
    return ""
