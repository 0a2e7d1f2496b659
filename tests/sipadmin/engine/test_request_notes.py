"""What the request log hears of REGISTERs and of malformed requests."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from proxy.request_log import RequestLog
from sip.decision import Step
from sip.message.errors import BadMessage
from sip.message.wire import parse_message
from sip.transport.flow import Flow
from sipadmin.engine.dispatch import Dispatch
from sipadmin.engine.request_notes import RequestNotes
from tests.sip.imaginary import ALICE, SERVER, ImaginaryEndpoint, request_text
from tests.sip.recording import RecordingCore

FLOW = Flow("udp", SERVER, ALICE)


@pytest.fixture
def log():
    return RequestLog(lambda at: at)


@pytest.fixture
def notes(log):
    return RequestNotes(log, lambda: 5.0)


def told(**facts):
    values = {
        "request": parse_message(request_text("REGISTER", fields=["User-Agent: Desk"])), "flow": FLOW, "aor": "",
        "status": 404, "reason": "No such user", "at": 7.0, "outcome": object(), "steps": lambda: [Step("a")],
    }  # fmt: skip
    return SimpleNamespace(**{**values, **facts})


def test_a_register(notes, log):
    notes.registered(told(aor="sip:bob@example.org", status=200))
    notes.registered(told())
    [done, refused] = log.take(9)
    assert (done.last.method, done.last.target, done.last.status, done.last.at) == (
        "REGISTER",
        "sip:bob@example.org",
        200,
        7.0,
    )
    assert (refused.last.target, refused.last.tell().user_agent) == ("<sip:bob@example.org>", "Desk")
    assert [step.text for step in refused.last.tell().steps] == ["a"]


def test_one_that_was_merely_asked_for_its_password(notes, log):
    notes.registered(told(outcome=None, status=401))
    assert log.take(9) == []


def test_a_request_that_no_core_sees(notes, log):
    endpoint = ImaginaryEndpoint(RecordingCore())
    endpoint.refused = notes.malformed
    endpoint.deliver(request_text().replace(b"CSeq: 1 OPTIONS", b"CSeq: 1 BYE"))
    endpoint.deliver(request_text().replace(b"Call-ID: call-1@alice\r\n", b""))
    endpoint.deliver(b"GET / HTTP/1.1\r\n\r\n")
    [entry] = log.take(9)
    assert (entry.count, entry.last.status, entry.last.tell().call_id) == (2, 400, "")
    assert entry.last.tell().steps[0].text == "The request is malformed or too large: Call-ID missing"


def test_a_request_that_a_core_cannot_read(notes, log):
    class Failing:
        def request(self, transaction, now):
            raise BadMessage("Malformed Contact", field="contact")

    dispatch = Dispatch(lambda uri: None, None, None, Failing(), malformed=notes.malformed)
    request = parse_message(request_text("OPTIONS"))
    with pytest.raises(BadMessage):
        dispatch.request_received(SimpleNamespace(request=request, flow=FLOW), 0.0)
    [entry] = log.take(9)
    assert (entry.last.status, entry.last.reason) == (400, "Malformed Contact")
