"""What announcements mean for the event log."""

import pytest

from sipadmin.event_types import TYPES, address_of_record, entries_of

CALL = {"id": 7, "callee": "sip:bob@example.org;transport=tcp", "caller": "sip:alice@example.org", "steps": ["long"]}


def types(kind, facts, known_state=""):
    return [entry.type for entry in entries_of(kind, facts, known_state)]


def test_a_binding():
    facts = {"type": "registration.created", "aor": "sip:bob@example.org", "contact": "sip:b@192.0.2.1", "change": "x"}
    [entry] = entries_of("binding", facts)
    assert entry == ("registration.created", "sip:bob@example.org", {"contact": "sip:b@192.0.2.1"})


def test_an_event_of_its_own():
    [entry] = entries_of("event", {"type": "ban.created", "subject": "192.0.2.9", "data": {"reason": "guesses"}})
    assert entry == ("ban.created", "192.0.2.9", {"reason": "guesses"})
    assert list(entries_of("event", {"type": "ban.created"})) == [("ban.created", "", {})]


def test_what_is_no_type_is_not_kept():
    for kind in ("binding", "event", "gap"):
        assert types(kind, {"type": "something.else", "aor": "sip:bob@example.org"}) == []


@pytest.mark.parametrize(
    ("state", "known", "expected"),
    [
        ("trying", "", ["call.started"]),
        ("ringing", "trying", []),
        ("answered", "ringing", ["call.answered"]),
        ("answered", "answered", []),
        ("answered", "", ["call.started", "call.answered"]),
        ("failed", "ringing", ["call.ended"]),
        ("redirected", "", ["call.started", "call.ended"]),
        ("cancelled", "trying", ["call.ended"]),
        ("cancelled", "cancelled", []),
        ("failed", "failed", []),
    ],
)
def test_a_call(state, known, expected):
    found = list(entries_of("call", {**CALL, "state": state}, known))
    assert [entry.type for entry in found] == expected
    for entry in found:
        assert entry.subject == "sip:bob@example.org"
        assert (entry.data["id"], entry.data["state"]) == (7, state)
        assert "steps" not in entry.data
        assert entry.type in TYPES


@pytest.mark.parametrize(
    ("text", "aor"),
    [
        ("sip:BOB@Example.ORG:5060;transport=tcp", "sip:BOB@example.org"),
        ("sips:bob@example.org", "sip:bob@example.org"),
        ("sip:example.org", "sip:example.org"),
        ("tel:+1", "tel:+1"),
        ("no uri", "no uri"),
    ],
)
def test_address_of_record(text, aor):
    assert address_of_record(text) == aor
