"""The event log's types, and which of them an announcement of the engine is. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from sip.message.errors import BadMessage
from sip.message.uri import Uri

TYPES = {
    "registration.created": "A phone registered a contact that was not there.",
    "registration.refreshed": "A phone refreshed its registration.",
    "registration.moved": "A phone came back at another address and kept its registration.",
    "registration.replaced": "A contact made room for another one of its user.",
    "registration.removed": "A phone, an administrator or a change of its user took a contact away.",
    "registration.expired": "A phone did not refresh its registration in time.",
    "registration.unreachable": "A contact stopped answering, or lost its connection.",
    "registration.reachable": "A contact that had stopped answering answers again.",
    "auth.failed": "Somebody answered a challenge with a wrong password or an unknown name.",
    "call.started": "An INVITE for a new call arrived.",
    "call.answered": "A phone took the call.",
    "call.ended": "Nobody took the call, or it is over: then data.state is ended, and duration in seconds is there.",
    "ban.created": "An address was banned.",
    "ban.removed": "A ban was lifted or has expired.",
}
# What live pages need of a binding and the log does not.
_LEFT_OUT = {"aor", "change", "type"}
_CALL_FACTS = (
    "id", "call_id", "caller", "callee", "source", "decision", "policy", "state", "status", "reason", "explanation",
    "started_at", "ringing_at", "ended_at",
)  # fmt: skip
_UNDER_WAY = ("trying", "ringing")


def address_of_record(text: str) -> str:
    """Whom a Request-URI names, without what else is in it; the text itself when it is no SIP URI with a user."""
    try:
        uri = Uri.parse(text)
        return uri.aor() if uri.is_sip and uri.user is not None else text
    except BadMessage:
        return text


class Entry(NamedTuple):
    """One row to be."""

    type: str
    subject: str
    data: dict[str, Any]


def entries_of(kind: str, facts: dict[str, Any], known_state: str = "") -> Iterator[Entry]:
    """What an announcement means for the log. ``known_state``: of a call, the state that the log knows already.

    Kinds: ``binding`` and ``call`` as the apps announce them, ``event`` with {"type", "subject", "data"}; of others
    nothing is kept.
    """
    if kind == "binding" and facts.get("type") in TYPES:
        yield Entry(
            facts["type"], facts["aor"], {name: value for name, value in facts.items() if name not in _LEFT_OUT}
        )
    elif kind == "event" and facts.get("type") in TYPES:
        yield Entry(facts["type"], str(facts.get("subject", "")), facts.get("data") or {})
    elif kind == "call":
        data = {name: facts.get(name) for name in _CALL_FACTS}
        callee = address_of_record(str(data["callee"]))
        state = str(facts.get("state", ""))
        if not known_state:
            yield Entry("call.started", callee, data)
        if state == "answered" and known_state != "answered":
            yield Entry("call.answered", callee, data)
        if state not in (*_UNDER_WAY, "answered") and known_state in ("", *_UNDER_WAY):
            yield Entry("call.ended", callee, data)


def hung_up(answered: Entry, at: float) -> Entry:
    """The end of a call that was answered; ``at`` in seconds since the epoch."""
    began = answered.data.get("ended_at")  # when the 200 went out
    duration = round(max(0.0, at - began), 3) if isinstance(began, float) else None
    return Entry(
        "call.ended", answered.subject, {**answered.data, "state": "ended", "hung_up_at": at, "duration": duration}
    )
