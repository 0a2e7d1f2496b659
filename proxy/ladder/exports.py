"""The forms in which a call leaves the console: kind -> content type and bytes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from proxy.ladder import svg
from proxy.ladder.calls import Call, Message
from proxy.ladder.layout import lay_out
from proxy.ladder.pcap import as_pcap
from proxy.ladder.text import as_text


class Export(NamedTuple):
    """``label`` for people; ``make`` gives the file's bytes."""

    label: str
    content_type: str
    make: Callable[[Call], bytes]


def message_facts(message: Message) -> dict[str, Any]:
    """A message as JSON: ``direction`` in or out as this server saw it."""
    return {
        "sequence": message.sequence,
        "at": message.at,
        "direction": "in" if message.is_received else "out",
        "transport": message.transport,
        "source": message.remote if message.is_received else message.local,
        "destination": message.local if message.is_received else message.remote,
        "is_retransmission": message.is_repeated,
        "first_line": message.first_line,
        "method": message.method,
        "status": message.status,
        "has_sdp": message.has_sdp,
        "has_body": message.has_body,
        "size": message.size,
        "text": message.text,
    }


def as_json(call: Call) -> bytes:
    facts = {"call": call.facts, "messages": [message_facts(message) for message in call.messages]}
    return (json.dumps(facts, indent=1) + "\n").encode()


EXPORTS = {
    "txt": Export("Text", "text/plain; charset=utf-8", lambda call: as_text(call).encode("utf-8", "replace")),
    "svg": Export("SVG", "image/svg+xml", lambda call: svg.whole(lay_out(call), call.title).encode("utf-8", "replace")),
    "json": Export("JSON", "application/json", as_json),
    "pcap": Export("pcap", "application/vnd.tcpdump.pcap", lambda call: as_pcap(call.messages)),
}
