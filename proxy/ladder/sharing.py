"""A call for the eyes of outsiders: the same course, without whose it was (numbers, names, addresses, keys). Pure.

What is not known to be harmless is masked. Header fields that carry addresses are written anew from their parts.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from proxy.ladder.calls import Call, Message
from proxy.ladder.pseudonyms import MASK, Pseudonyms
from sip.message.address import Address
from sip.message.errors import BadMessage
from sip.message.messages import value_of
from sip.message.names import COMPACT, PRINTED
from sip.message.params import split_list
from sip.message.status import reason_phrase
from sip.message.via import Via

_UNFOLDED = re.compile(r"\r\n(?![ \t])")
_ADDRESSES = frozenset(
    ("from", "to", "contact", "route", "record-route", "path", "service-route", "refer-to", "referred-by",
     "p-asserted-identity", "p-preferred-identity", "remote-party-id", "diversion", "history-info", "reply-to")
)  # fmt: skip
_PLAIN = frozenset(
    ("max-forwards", "max-breadth", "content-type", "content-length", "content-disposition", "expires",
     "min-expires", "session-expires", "min-se", "allow", "supported", "require", "proxy-require", "unsupported",
     "accept", "accept-encoding", "accept-language", "subscription-state", "rseq", "rack", "mime-version",
     "allow-events")
)  # fmt: skip
_HARMLESS = re.compile(r"[A-Za-z0-9 ,;=/.*+-]{0,300}\Z")
_LONG_NUMBER = re.compile(r"\d{5,}|\d+(?:\.\d+){3}")
_CAUSE = re.compile(r"(SIP|Q\.850)\s*;\s*cause\s*=\s*(\d{1,3})", re.IGNORECASE)
_PRODUCT = re.compile(r"[A-Za-z][\w.-]{0,30}(?:/[\w.-]{1,20})?")
_SDP_LINE = re.compile(
    r"(?:v=|t=|m=|a=(?:rtpmap|fmtp|ptime|maxptime|sendrecv|sendonly|recvonly|inactive|rtcp-mux|setup|mid|group)\b)"
)
_METHOD = re.compile(r"[A-Z]{2,12}\Z")
_MARK = re.compile(r"[A-Za-z0-9 .]{0,40}\Z")  # of a rule or a section
_CSEQ = re.compile(r"\d{1,10} [A-Z]{2,12}\Z")
_ATTRIBUTE = re.compile(r"a=([a-z-]{1,30})")
NOT_SHARED = "The body is not shared."


def shared_call(call: Call) -> Call:
    """The call with every person and place replaced by a name that stands for it throughout."""
    names = Pseudonyms()
    facts = call.facts
    caller, callee = names.uri(str(facts.get("caller")), "caller"), names.uri(str(facts.get("callee")), "callee")
    # Addresses first, in the order of the ladder, so that sentences know them all.
    messages = [_message(message, names) for message in call.messages]
    branches = [_branch(branch, names) for branch in facts.get("branches") or ()]
    kept = ("state", "status", "decision", "started_at", "ringing_at", "ended_at", "hung_up_at")
    status = facts.get("status")
    shared = {
        **{name: facts.get(name) for name in kept},
        "id": 0,
        "caller": caller,
        "callee": callee,
        "call_id": names.token("call", str(facts.get("call_id"))),
        "source": names.hop(str(facts.get("source") or "")),
        "policy": str(facts.get("policy") or "").partition(":")[0],
        "policy_origin": names.sentence(str(facts.get("policy_origin") or "")),
        "reason": reason_phrase(status) if status else "",
        "explanation": names.sentence(str(facts.get("explanation") or "")),
        "steps": [_step(step, names) for step in facts.get("steps") or ()],
        "branches": branches,
    }
    return Call(shared, messages)


def _step(step: Any, names: Pseudonyms) -> dict[str, str]:
    if isinstance(step, dict):
        text, rule, section = (str(step.get(name) or "") for name in ("text", "rule", "section"))
    else:
        text, rule, section = (*map(str, step), "", "", "")[:3]
    marks = [mark if _MARK.match(mark) else "" for mark in (rule, section)]
    return {"text": names.sentence(text), "rule": marks[0], "section": marks[1]}


def _branch(branch: dict[str, Any], names: Pseudonyms) -> dict[str, Any]:
    kept = ("position", "group", "state", "status", "started_at", "ended_at")
    return {
        **{name: branch.get(name) for name in kept},
        "target": names.uri(str(branch.get("target") or "")),
        "next_hop": names.hop(str(branch.get("next_hop") or "")),
        "user_agent": product(str(branch.get("user_agent") or "")),
        "reason": reason_phrase(branch["status"]) if branch.get("status") else "",
    }


def _message(message: Message, names: Pseudonyms) -> Message:
    head = _head(message, names)
    has_sdp = message.has_body and message.has_sdp
    body = _sdp(message.body, names) if has_sdp else ""
    return message._replace(
        local=names.place(message.local),
        remote=names.place(message.remote),
        first_line=head.partition("\r\n")[0],
        method=message.method if _METHOD.match(message.method) else MASK,
        has_body=has_sdp,
        text=f"{head}\r\n\r\n{body}",
        note=NOT_SHARED if message.has_body and not has_sdp else message.note,
    )


def _head(message: Message, names: Pseudonyms) -> str:
    first, *lines = _UNFOLDED.split(message.head)
    if message.status is not None:
        first = f"SIP/2.0 {message.status} {reason_phrase(message.status)}"
    else:
        parts = first.split(" ")
        method = parts[0] if _METHOD.match(parts[0]) else MASK
        first = f"{method} {names.uri(parts[1]) if len(parts) > 1 else MASK} SIP/2.0"
    return "\r\n".join([first, *(_line(line, names) for line in lines)])


def _line(line: str, names: Pseudonyms) -> str:
    spelling, colon, _ = line.partition(":")
    name = spelling.strip().lower()
    name = COMPACT.get(name, name)
    printed = PRINTED.get(name)
    if not colon or printed is None:
        return f"{MASK}: {MASK}"  # the name of an unknown header field may say as much as its value
    value = value_of(line)
    if name == "via":
        return f"Via: {_listed(value, lambda one: _via(one, names))}"
    if name in _ADDRESSES:
        return f"{printed}: {_listed(value, lambda one: _address(one, names))}"
    if name == "call-id":
        return f"Call-ID: {names.token('call', value)}"
    if name == "cseq":
        return f"CSeq: {value if _CSEQ.match(value) else MASK}"
    if name in _PLAIN and _HARMLESS.match(value) and not _LONG_NUMBER.search(value):
        return f"{printed}: {value}"
    if name == "reason":
        found = _CAUSE.match(value)
        return f"Reason: {found[1]};cause={found[2]}" if found else f"Reason: {MASK}"
    if name in ("user-agent", "server"):
        return f"{printed}: {product(value)}"
    return f"{printed}: {MASK}"


def _listed(value: str, shown: Callable[[str], str]) -> str:
    parts = []
    for one in split_list(value):
        try:
            parts.append(shown(one))
        except BadMessage:
            parts.append(MASK)
    return ", ".join(parts)


def _via(text: str, names: Pseudonyms) -> str:
    via = Via.parse(text)
    port = f":{via.port}" if via.port is not None else ""
    branch = f";branch=z9hG4bK-{names.token('branch', via.branch)}" if via.branch else ""
    transport = via.transport if via.transport.isalpha() else MASK
    return f"SIP/2.0/{transport} {names.host(via.host)}{port}{branch}"


def _address(text: str, names: Pseudonyms) -> str:
    if text.strip() == "*":
        return "*"
    address = Address.parse(text)
    tag = f";tag={names.token('tag', address.tag)}" if address.tag else ""
    q = address.params.get("q")
    expires = address.params.get("expires")
    more = f";q={q}" if q and re.fullmatch(r"[01](\.\d{0,3})?", q) else ""
    more += f";expires={expires}" if expires and expires.isdigit() and len(expires) < 8 else ""
    return f"<{names.uri(address.uri_text)}>{tag}{more}"


def product(text: str) -> str:
    """``Phone/1.2`` of a User-Agent: what comes after may be a serial number, or a person's name."""
    found = _PRODUCT.match(text.strip())
    return MASK if found is None or re.search(r"\d{5,}", found[0]) else found[0]


def _sdp(body: str, names: Pseudonyms) -> str:
    lines = []
    for line in body.replace("\r\n", "\n").split("\n"):
        if line.startswith("c="):
            lines.append(f"c=IN IP4 {names.host(line.rpartition(' ')[2])}")
        elif line.startswith("o="):
            lines.append(f"o=- 0 0 IN IP4 {names.host(line.rpartition(' ')[2])}")
        elif _SDP_LINE.match(line) and _HARMLESS.match(line.replace(":", "")):
            lines.append(line)
        elif line:
            found = _ATTRIBUTE.match(line)
            lines.append(f"a={found[1]}:{MASK}" if found else f"{line[:2]}{MASK}")
    return "\r\n".join(lines) + "\r\n"
