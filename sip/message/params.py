"""Parameters, lists and quoted strings (§7.3.1, §25.1)."""

from __future__ import annotations

import re

from sip.message.errors import BadMessage

TOKEN = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+\Z")
QUOTED = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)

# Wider than gen-value of §25.1, which has no room for values that phones do send, but nothing that delimits.
_BAD_VALUE = re.compile(r'[\s?<>",]')


def is_token(text: str) -> bool:
    return TOKEN.match(text) is not None


def quote(text: str) -> str:
    """Text as a quoted-string (§25.1)."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def unquote(text: str) -> str:
    """Content of a quoted-string; any other text unchanged."""
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return text
    text = text[1:-1]
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL) if "\\" in text else text


def split_outside(text: str, separator: str) -> list[str]:
    """Split at a separator that stands outside quoted strings and outside <>; parts are stripped.

    Raises BadMessage when a quote or bracket is left open.
    """
    if separator not in text:
        if text.count('"') & 1 and '\\"' not in text:
            raise BadMessage("Quoted string without end")
        return [text.strip()]
    if '"' not in text and "<" not in text:
        return [part.strip() for part in text.split(separator)]
    parts: list[str] = []
    start = position = 0
    inside = False  # between < and >
    end = len(text)
    while position < end:
        character = text[position]
        if character == '"' and not inside:
            match = QUOTED.match(text, position)
            if match is None:
                raise BadMessage("Quoted string without end")
            position = match.end()
            continue
        if character == "<":
            inside = True
        elif character == ">":
            inside = False
        elif character == separator and not inside:
            parts.append(text[start:position].strip())
            start = position + 1
        position += 1
    if inside:
        raise BadMessage("< without >")
    parts.append(text[start:].strip())
    return parts


def split_list(text: str) -> list[str]:
    """Values of a comma-separated header field (§7.3.1); empty ones are dropped."""
    return [value for value in split_outside(text, ",") if value]


def parse_params(text: str) -> dict[str, str | None]:
    """``;name=value;flag`` as a dictionary in order: names in lower case, values as received, None without "=".

    Raises BadMessage for a name that is no token and for a name given twice.
    """
    params: dict[str, str | None] = {}
    if not text:
        return params
    for part in split_outside(text, ";"):
        if not part:
            continue
        name, equals, value = part.partition("=")
        name = name.rstrip().lower()
        if name in params:
            raise BadMessage(f"Parameter {printable(name)} given twice")
        if not (name.isalnum() and name.isascii()) and not is_token(name):
            raise BadMessage(f"Malformed parameter {printable(part)}")
        if equals:
            value = value.strip()
            if not value:
                raise BadMessage(f"Parameter {printable(name)} without value")
            if not value.isalnum() and _BAD_VALUE.search(value) and QUOTED.fullmatch(value) is None:
                raise BadMessage(f"Malformed value of parameter {printable(name)}")
            params[name] = value
        else:
            params[name] = None
    return params


def format_params(params: dict[str, str | None]) -> str:
    return "".join([f";{name}" if value is None else f";{name}={value}" for name, value in params.items()])


def printable(text: str, limit: int = 40) -> str:
    """Text from the wire made safe for a reason phrase or a log line: ASCII, short, no control characters."""
    shown = text if len(text) <= limit else text[: limit - 3] + "..."
    return shown.encode("ascii", "backslashreplace").decode().translate(_CONTROLS)


_CONTROLS = dict.fromkeys([*range(32), 127], "?")
