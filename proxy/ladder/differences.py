"""What this server changed in a message on its way through: the header lines that were added, altered and taken out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from proxy.ladder.calls import Message
from proxy.ladder.visible import visible

_UNFOLDED = re.compile(r"\r\n(?![ \t])")
_CSEQ = re.compile(r"^cseq[ \t]*:\s*(\d{1,10})", re.IGNORECASE | re.MULTILINE)


class Line(NamedTuple):
    """One line of a message's head. ``change``: "" as it came, "added", "changed" or "removed"; ``was`` before."""

    text: str
    change: str = ""
    was: str = ""


def origin_of(message: Message, messages: Sequence[Message]) -> Message | None:
    """The received message of which this one is the copy passed on; None for what came in, or is our own."""
    if message.is_received or message.status == 100 or message.method == "CANCEL":
        return None
    number = _cseq(message)
    for other in reversed([one for one in messages if one.sequence < message.sequence]):
        if (
            other.is_received
            and other.method == message.method
            and other.status == message.status
            and _cseq(other) == number
            and other.remote != message.remote
        ):
            return other
    return None


def _cseq(message: Message) -> str:
    found = _CSEQ.search(message.head)
    return found[1] if found else ""


def lines_of(message: Message, origin: Message | None) -> list[Line]:
    """The head's lines in their order; what was removed stands where it is missed, at the end."""
    lines = _UNFOLDED.split(message.head)
    if origin is None:
        return [Line(visible(line)) for line in lines]
    before = Counter(_UNFOLDED.split(origin.head))
    missing: dict[str, list[str]] = {}
    unchanged = []
    for line in lines:
        unchanged.append(before[line] > 0)
        before[line] -= 1
    for line in _UNFOLDED.split(origin.head):
        if before[line] > 0:
            before[line] -= 1
            missing.setdefault(_name(line), []).append(line)
    found = []
    for line, is_same in zip(lines, unchanged, strict=True):
        if is_same:
            found.append(Line(visible(line)))
            continue
        earlier = missing.get(_name(line))
        if earlier:
            found.append(Line(visible(line), "changed", visible(earlier.pop(0))))
        else:
            found.append(Line(visible(line), "added"))
    return found + [Line(visible(line), "removed") for left in missing.values() for line in left]


def _name(line: str) -> str:
    """What makes two lines the same thing: the header field's name; of a start line that it is one."""
    name, colon, _ = line.partition(":")
    return name.strip().lower() if colon and " " not in name.strip() else ""
