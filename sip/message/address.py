"""name-addr and addr-spec: From, To, Contact, Route, Record-Route, Path (§20.10, §25.1)."""

from __future__ import annotations

import re
from functools import lru_cache

from sip.message.errors import BadMessage
from sip.message.limits import CACHED_CHARACTERS
from sip.message.params import QUOTED, parse_params, printable, unquote
from sip.message.uri import Uri

_DISPLAY_TOKENS = re.compile(r"[A-Za-z0-9\-.!%*_+`'~\s\u0080-\uffff\U00010000-\U0010ffff]*\Z")


class Address:
    """One address with its parameters. Treat as immutable: parsed addresses are shared.

    ``display_name`` is without quotes, ``uri_text`` as received, ``params`` are the header parameters (names in
    lower case, values as received).
    """

    __slots__ = ("display_name", "params", "uri_text")

    display_name: str
    uri_text: str
    params: dict[str, str | None]

    @staticmethod
    def parse(text: str) -> Address:
        """Address from its text; BadMessage when malformed. The URI is parsed when asked for."""
        return _parse(text) if len(text) > CACHED_CHARACTERS else _cached_parse(text)

    @property
    def uri(self) -> Uri:
        return Uri.parse(self.uri_text)

    @property
    def tag(self) -> str:
        """Tag parameter, empty when absent (§19.3)."""
        return self.params.get("tag") or ""

    def __repr__(self) -> str:
        return f"Address({self.uri_text!r}, {self.params!r})"


def _parse(text: str) -> Address:
    text = text.strip()
    address = Address()
    address.display_name = ""
    rest = text
    if text.startswith('"'):
        match = QUOTED.match(text)
        if match is None:
            raise BadMessage("Quoted display name without end")
        address.display_name = unquote(match[0])
        rest = text[match.end() :].lstrip()
        if not rest.startswith("<"):
            raise BadMessage("Quoted display name without <URI>")
    elif "<" in text:
        display, _, rest = text.partition("<")
        if not _DISPLAY_TOKENS.match(display):
            raise BadMessage(f"Malformed display name {printable(display)}")
        address.display_name = display.strip()
        rest = "<" + rest
    if rest.startswith("<"):
        uri_text, bracket, params = rest[1:].partition(">")
        params = params.strip()
        if not bracket or (params and not params.startswith(";")):
            raise BadMessage(f"Malformed address {printable(text)}")
    else:
        # §20: without brackets every parameter is the header field's, and "?" and "," may not stand in the URI.
        uri_text, _, params = rest.partition(";")
        uri_text = uri_text.rstrip()
        if "?" in uri_text or "," in uri_text:
            raise BadMessage("URI with ? or , needs < and >")
    address.uri_text = uri_text
    if not uri_text or ":" not in uri_text:
        raise BadMessage(f"Malformed address {printable(text)}")
    address.params = parse_params(params) if params else {}
    return address


_cached_parse = lru_cache(8192)(_parse)
