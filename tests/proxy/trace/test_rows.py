"""Caught messages in the database."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError

from proxy.models import CallAttempt, CallMessage, RecordingSettings
from proxy.trace import rows
from proxy.trace.levels import HEADERS, RecordingRules
from tests.proxy.scene import BOB
from tests.proxy.trace.recorded import START, Recorded

pytestmark = pytest.mark.django_db


@pytest.fixture
def scene():
    return Recorded()


def test_it_works(scene):
    call = scene.call_with_sdp()
    scene.answer(call.at(BOB), 200)
    call.in_dialog("ACK")
    scene.advance(5)
    call.in_dialog("BYE")
    scene.write()
    attempt = CallAttempt.objects.get()
    assert attempt.conversation == attempt.pk
    assert attempt.hung_up_at == datetime.fromtimestamp(START + 5, UTC)
    messages = CallMessage.objects.filter(conversation=attempt.pk)
    assert [(one.is_received, one.method, one.status) for one in messages] == [
        (True, "INVITE", None), (False, "INVITE", 100), (False, "INVITE", None), (True, "INVITE", 200),
        (False, "INVITE", 200), (True, "ACK", None), (False, "ACK", None), (True, "BYE", None), (False, "BYE", None),
    ]  # fmt: skip
    invite = messages[0]
    assert (invite.transport, invite.local, invite.remote) == ("udp", "192.0.2.1:5060", "192.0.2.10:5060")
    assert invite.first_line == "INVITE sip:bob@example.org SIP/2.0"
    assert invite.at == datetime.fromtimestamp(START, UTC)
    assert (invite.has_sdp, invite.has_body, invite.size) == (True, True, len(call.data))
    assert invite.text.endswith("v=0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:***\r\n")


def test_a_later_change_of_the_attempt_keeps_the_end_of_the_call(scene):
    call = scene.call("bob")
    scene.answer(call.at(BOB), 200)
    call.in_dialog("BYE")
    scene.write()
    scene.recorder.changed(call_record(scene))
    scene.write()
    assert CallAttempt.objects.get().hung_up_at is not None


def call_record(scene):
    record = scene.recorder.open("other", "a", "b", "udp:1.2.3.4:5", scene.endpoint.now())
    record.id = CallAttempt.objects.get().pk
    return record


def test_headers_only(scene):
    scene.recorder.rules = RecordingRules(HEADERS)
    scene.call_with_sdp()
    scene.write()
    message = CallMessage.objects.first()
    assert (message.has_sdp, message.has_body) == (True, False)
    assert message.text.endswith("\r\n\r\n")


def test_other_bodies_by_switch_only(scene):
    scene.call_with_sdp(content_type="application/dtmf-relay")
    scene.write()
    assert not CallMessage.objects.filter(text__contains="v=0").exists()
    scene.recorder.rules = RecordingRules(other_bodies=True)
    scene.call_with_sdp(content_type="application/dtmf-relay")
    scene.write()
    assert CallMessage.objects.filter(text__contains="v=0").exists()
    assert not CallMessage.objects.filter(text__contains="c2VjcmV0").exists()


@pytest.mark.threat(25)
def test_no_digest_reaches_the_database():
    scene = Recorded(auth_call=True)
    scene.call("bob").with_password()
    scene.write()
    texts = list(CallMessage.objects.values_list("text", flat=True))
    assert any('Proxy-Authorization: Digest username="alice"' in text for text in texts)
    assert not [text for text in texts if 'cnonce="cn"' in text]
    assert all('response="***"' in text for text in texts if 'username="alice"' in text)


def test_what_cannot_be_written_is_counted(scene, monkeypatch):
    scene.call("bob")
    waiting = scene.capture.waiting

    def fail(*arguments):
        raise DatabaseError("disk full")

    monkeypatch.setattr(rows.MessageWriter, "write", fail)
    monkeypatch.setattr(scene.recorder, "_guarded", lambda work: None)  # it would close the test's own connection
    scene.recorder._stopping.set()
    scene.write()
    assert scene.capture.dropped == waiting
    assert CallMessage.objects.count() == 0


def test_rules_are_those_of_the_row():
    assert rows.load_rules() == RecordingRules()
    RecordingSettings.objects.create(level="off", message_days=3)
    assert rows.load_rules() == RecordingRules("off", message_days=3)


class TestClearing:
    def message(self, call, sequence=1, size=1000):
        return CallMessage.objects.create(
            conversation=call, sequence=sequence, at=datetime.now(UTC), is_received=True, transport="udp",
            local="a", remote="b", first_line="INVITE", method="INVITE", size=size, text="",
        )  # fmt: skip

    def test_by_age(self):
        now = int(time.time() * 1e6)
        old = now - int(timedelta(days=8).total_seconds() * 1e6)
        self.message(old)
        kept = self.message(now)
        assert rows.remove_old_messages("default", RecordingRules()) == 1
        assert CallMessage.objects.get() == kept

    def test_by_size_the_oldest_calls_go_whole(self):
        now = int(time.time() * 1e6)
        for call in range(4):
            for sequence in (1, 2):
                self.message(now + call, sequence, size=rows.MEGABYTE // 2)
        assert rows.remove_old_messages("default", RecordingRules(message_megabytes=2)) == 6
        assert list(CallMessage.objects.values_list("conversation", flat=True)) == [now + 3] * 2

    def test_stored(self):
        assert rows.stored() == {"messages": 0, "bytes": 0, "calls": 0}
        self.message(1)
        self.message(1, 2)
        assert rows.stored() == {"messages": 2, "bytes": 2000 + 2 * rows.ROW_BYTES, "calls": 1}
