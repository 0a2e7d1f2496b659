"""Where all of a ladder stands: a column for each who speaks, a row for each message, breaks where time passes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from proxy.ladder.calls import Call, Message

LONG_PAUSE = 2.0  # seconds without a message that get a row of their own
MOST_COLUMNS = 24  # a call that forked to more phones shows the rest in one column


class Column(NamedTuple):
    """Who speaks: ``name`` in words, ``address`` as host:port; the server itself is the one with ``is_server``."""

    name: str
    address: str
    is_server: bool = False


class Row(NamedTuple):
    """A message from column to column, or a pause (``message`` None). ``offset``: seconds since the first message."""

    message: Message | None
    offset: float
    start: int = 0
    end: int = 0
    pause: float = 0.0


class Ladder(NamedTuple):
    columns: list[Column]
    rows: list[Row]


def lay_out(call: Call) -> Ladder:
    """The ladder of a call; without messages it has the server's column only."""
    messages = call.messages
    places: dict[str, int] = {}
    names = speakers(call.facts)
    columns: list[Column] = []
    server = Column("sipadmin", ", ".join(dict.fromkeys(message.local for message in messages))[:60], is_server=True)
    for message in messages:
        address = message.remote
        if address in places:
            continue
        if len(columns) >= MOST_COLUMNS:
            places[address] = MOST_COLUMNS
            columns[MOST_COLUMNS - 1 :] = [columns[MOST_COLUMNS - 1], Column("others", "further phones")]
            continue
        # The caller stands left of the server, who is called to the right.
        places[address] = 0 if not columns else len(columns)
        columns.append(Column(names.get(address, ""), address))
        if len(columns) == 1:
            columns.append(server)
    return Ladder(columns or [server], rows_of(messages, places))


def rows_of(messages: Sequence[Message], places: dict[str, int]) -> list[Row]:
    rows: list[Row] = []
    first = last = messages[0].at if messages else 0.0
    for message in messages:
        if message.at - last >= LONG_PAUSE:
            rows.append(Row(None, message.at - first, pause=message.at - last))
        last = message.at
        place = places[message.remote]
        start, end = (place, 1) if message.is_received else (1, place)
        rows.append(Row(message, message.at - first, start, end))
    return rows


def speakers(facts: dict[str, Any]) -> dict[str, str]:
    """Names of the addresses of a call: the caller's, and the phones' of its branches."""
    names = {}
    for branch in facts.get("branches") or ():
        address = str(branch.get("next_hop") or "").partition(":")[2]
        user = plain(str(branch.get("target") or "")).partition("@")[0]
        if address:
            names[address] = str(branch.get("user_agent") or "") or user
    caller = str(facts.get("source") or "").partition(":")[2]
    if caller:
        names[caller] = plain(str(facts.get("caller") or ""))
    return names


def plain(uri: str) -> str:
    """``bob@example.org`` of ``sip:bob@example.org;x=y``."""
    scheme, _, rest = uri.partition(":")
    return (rest if scheme.lower() in ("sip", "sips") else uri).partition(";")[0]
