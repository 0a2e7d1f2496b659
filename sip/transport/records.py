"""What DNS is asked and what it says, as values; and the order of servers (RFC 2782)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple


class Kind(Enum):
    """Kinds of look-ups. ``ADDRESS`` is A and AAAA together."""

    NAPTR = "NAPTR"
    SRV = "SRV"
    ADDRESS = "A and AAAA"


class Question(NamedTuple):
    """One look-up; ``name`` without final dot, lower case."""

    kind: Kind
    name: str


class Naptr(NamedTuple):
    """A NAPTR record (RFC 3403 §4.1); ``replacement`` without final dot."""

    order: int
    preference: int
    flags: str
    service: str
    regexp: str
    replacement: str


class Srv(NamedTuple):
    """An SRV record (RFC 2782); ``target`` without final dot."""

    priority: int
    weight: int
    port: int
    target: str


Record = Naptr | Srv | str  # a numeric address is text
Answers = Mapping[Question, Sequence[Record]]


def in_order(servers: Iterable[Srv], random: Callable[[], float]) -> list[Srv]:
    """Servers in the order of trying them: by priority, within one by weighted chance (RFC 2782, "Weight").

    ``random`` gives numbers of [0, 1).
    """
    # Those of weight 0 come first in their priority, so that they have a small chance of being taken.
    waiting = sorted(servers, key=lambda server: (server.priority, server.weight > 0))
    ordered = []
    while waiting:
        group = [server for server in waiting if server.priority == waiting[0].priority]
        drawn = int(random() * (sum(server.weight for server in group) + 1))
        sums = accumulate(server.weight for server in group)
        server = next(server for server, running in zip(group, sums, strict=True) if running >= drawn)
        ordered.append(server)
        waiting.remove(server)
    return ordered


@lru_cache(4096)
def is_host_name(name: str) -> bool:
    """Whether a name may be looked up: its last label begins with a letter (§25.1), nothing in it needs escapes.

    The system's functions would take ``127.1`` or ``0`` for an address.
    """
    labels = name.split(".")
    return (
        len(name) <= 253
        and name.isascii()
        and labels[-1][:1].isalpha()
        and all(0 < len(label) < 64 and label.replace("-", "").replace("_", "").isalnum() for label in labels)
    )
