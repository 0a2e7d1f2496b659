"""What of a message must not be kept: digests, keys, passwords, and bodies nobody asked for (§26, RFC 7616 §5).

Everything here is linear in the message, for its sender is a stranger. Works on text; the engine's own copy of a
message never goes through it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

MASK = "***"

# Parameters that help nobody to find the password. Whatever else stands in credentials is masked.
_HARMLESS = frozenset(
    ("algorithm", "nc", "nextnonce", "nonce", "opaque", "qop", "realm", "stale", "uri", "userhash", "username")
)
_SECRET_FIELD = re.compile(
    r"^((?:proxy-)?authorization|(?:proxy-)?authentication-info)[ \t]*:", re.IGNORECASE | re.MULTILINE
)
_UNFOLDED = re.compile(r"\r\n(?![ \t])")
_PARAMETER = re.compile(r'([\w!%*.+`~-]{1,64})[ \t\r\n]*=[ \t\r\n]*("(?:[^"\\]|\\.)*"|[^\s,"]*)', re.DOTALL)
_BETWEEN = re.compile(r"[\s,]*\Z")
# §19.1.1: a password in a URI. Bounded, so that a line of colons costs no more than its length.
_URI_PASSWORD = re.compile(r":(?:(?<=[sS][iI][pP]:)|(?<=[iI][pP][sS]:))([^\s:@;?<>]{1,128}):[^\s@<>]{1,128}@")
# RFC 4568 §9.1, RFC 4566 §5.12, RFC 4567 §3, RFC 8839 §5.4
_KEY_LINE = re.compile(
    r"^(a=crypto:\d{1,9}[ \t]+[\w-]{1,64}|k=|a=key-mgmt:|a=ice-pwd:)[^\r\n]*", re.MULTILINE | re.IGNORECASE
)

SDP = "application/sdp"


class Kept(NamedTuple):
    """A message as it is stored. ``text`` is valid Unicode without NUL; ``has_body``: the body is part of it."""

    text: str
    has_body: bool


def kept_message(data: bytes, content_type: str, *, with_sdp: bool, with_other_bodies: bool) -> Kept:
    """The message without its secrets, and with its body where bodies of that kind are wanted.

    ``data`` may end early, as long messages are kept in part. ``content_type`` is in lower case, without parameters.
    """
    head, _, body = data.partition(b"\r\n\r\n")
    is_wanted = bool(body) and (with_sdp if content_type == SDP else with_other_bodies)
    text = mask_head(storable(head)) + "\r\n\r\n"
    return Kept(text + mask_body(storable(body)) if is_wanted else text, is_wanted)


def storable(data: bytes) -> str:
    """Text as databases take it; bytes that are no UTF-8 and NUL are written as \\x.. ."""
    return data.decode("utf-8", "backslashreplace").replace("\0", "\\x00")


def mask_head(head: str) -> str:
    """Start line and header fields without digests and passwords."""
    if _may_have_secrets(head):
        head = "\r\n".join(_mask_line(line) for line in _UNFOLDED.split(head))
    return _mask_passwords(head)


def mask_body(body: str) -> str:
    """A body without keys; also what it carries of another message (RFC 3420)."""
    if _may_have_secrets(body):
        body = "\r\n".join(_mask_line(line) for line in _UNFOLDED.split(body))
    return _KEY_LINE.sub(_mask_key, _mask_passwords(body))


def _may_have_secrets(text: str) -> bool:
    # Much quicker than the expression, and most messages have none.
    lower = text.lower()
    return ("authorization" in lower or "authentication-info" in lower) and bool(_SECRET_FIELD.search(text))


def _mask_passwords(text: str) -> str:
    return _URI_PASSWORD.sub(rf":\1:{MASK}@", text) if "@" in text else text


def _mask_key(found: re.Match[str]) -> str:
    start = found[1]
    return f"{start} inline:{MASK}" if start[:9].lower() == "a=crypto:" else start + MASK


def _mask_line(line: str) -> str:
    if not _SECRET_FIELD.match(line):
        return line
    name, _, value = line.partition(":")
    is_info = "info" in name.lower()
    scheme, _, credentials = ("", "", value) if is_info else value.strip().partition(" ")
    if not is_info and scheme.lower() != "digest":
        return f"{name}: {scheme if credentials else ''} {MASK}"  # whatever scheme it is, the rest may be a password
    masked = mask_parameters(credentials)
    return f"{name}: {masked}" if is_info else f"{name}: {scheme} {masked}"


def mask_parameters(text: str) -> str:
    """Comma-separated parameters, with every value masked that could help to find the password."""
    parts: list[str] = []
    end = 0
    for found in _PARAMETER.finditer(text):
        if not _BETWEEN.match(text[end : found.start()]):
            return MASK  # not what it seems: nothing of it is shown
        end = found.end()
        name, value = found[1], found[2]
        if name.lower() not in _HARMLESS:
            value = f'"{MASK}"' if value.startswith('"') else MASK
        parts.append(f"{name}={value}")
    return ", ".join(parts) if parts and _BETWEEN.match(text[end:]) else MASK
