"""What this server changed in a message on its way through: the header lines that were added, altered and taken out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from proxy.ladder.calls import Message
from proxy.ladder.visible import visible

COMPARED = 200  # characters of two lines

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
    earlier = _paired([line for line, is_same in zip(lines, unchanged, strict=True) if not is_same], missing)
    found = []
    for line, is_same in zip(lines, unchanged, strict=True):
        if is_same:
            found.append(Line(visible(line)))
        elif line in earlier:
            found.append(Line(visible(line), "changed", visible(earlier[line])))
        else:
            found.append(Line(visible(line), "added"))
    return found + [Line(visible(line), "removed") for left in missing.values() for line in left]


def _paired(lines: Sequence[str], missing: dict[str, list[str]]) -> dict[str, str]:
    """New line -> what it was. Of several of one name, such as Via, the one that begins most alike; takes what it
    finds out of ``missing``."""
    earlier = {}
    for name, olds in missing.items():
        for old in list(olds):
            fitting = [line for line in lines if line not in earlier and _name(line) == name]
            if fitting:
                earlier[max(fitting, key=partial(_likeness, old))] = old
                olds.remove(old)
    return earlier


def _likeness(old: str, line: str) -> int:
    """How many characters both begin with; bounded, for the lines are a stranger's."""
    count = 0
    for one, other in zip(old[:COMPARED], line[:COMPARED], strict=False):
        if one != other:
            break
        count += 1
    return count


def _name(line: str) -> str:
    """What makes two lines the same thing: the header field's name; of a start line that it is one."""
    name, colon, _ = line.partition(":")
    return name.strip().lower() if colon and " " not in name.strip() else ""
