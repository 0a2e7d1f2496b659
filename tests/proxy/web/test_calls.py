"""Live calls and one call in detail."""

from __future__ import annotations

import time

import pytest
from django.utils import timezone

from proxy.trace.levels import RecordingRules
from proxy.trace.rows import load_rules
from tests.console import HOSTILE, attempt, traced
from tests.proxy.ladder.calls import ALICE, hostile_call

pytestmark = pytest.mark.django_db


def test_it_works(admin_page):
    attempt(1, branches=2)
    attempt(2, explanation="carol has no registered phone: 480", status=480, branches=0)
    text = admin_page.get("/calls/").content.decode()
    assert text.index("bob&#x27;s phone was busy") < text.index("carol has no registered phone: 480")
    assert "bob@192.0.2.1:5060" in text


def test_empty(admin_page):
    assert "No call yet" in admin_page.get("/calls/").content.decode()


def test_detail(operator_page):
    row = attempt(1, branches=2)
    text = operator_page.get(f"/calls/{row.pk}/").content.decode()
    assert "example.org is ours" in text
    assert "16.4" in text
    assert text.count("data-position=") == 2
    assert row.call_id in text


def test_a_phone_that_joined_late(admin_page):
    row = attempt(1, branches=2)
    assert "joined late" not in admin_page.get("/calls/").content.decode()
    row.branches.filter(position=1).update(joined_late=True)
    for page in ("/calls/", f"/calls/{row.pk}/"):
        assert admin_page.get(page).content.decode().count("joined late") == 1


def test_detail_of_a_call_without_branches(admin_page):
    row = attempt(1, branches=0, status=None, state="trying", explanation="", reason="")
    assert "not forwarded" in admin_page.get(f"/calls/{row.pk}/").content.decode()


class TestMessages:
    """The ladder of a call, its messages and its exports."""

    @pytest.fixture
    def row(self, db):
        return traced(attempt(1, source=f"udp:{ALICE}", status=200, state="answered", ended_at=timezone.now()))

    def test_ladder_and_messages(self, admin_page, row, django_assert_max_num_queries):
        with django_assert_max_num_queries(8):
            text = admin_page.get(f"/calls/{row.pk}/").content.decode()
        assert text.count("<svg") >= 2
        assert text.count('<a class="message') == 12
        assert text.count("<details") == 12
        assert '<span class="line added"><bdi>Record-Route: &lt;sip:192.0.2.1;lr&gt;</bdi>' in text
        assert 'title="was: Max-Forwards: 70"' in text
        assert "m=audio 4000" in text
        assert "Post-dial" not in text

    @pytest.mark.threat(25)
    def test_operators_see_no_bodies(self, operator_page, row):
        text = operator_page.get(f"/calls/{row.pk}/").content.decode()
        assert "m=audio 4000" not in text
        assert "shown to administrators only" in text
        for kind in ("txt", "json", "pcap"):
            assert b"m=audio" not in operator_page.get(f"/calls/{row.pk}/call.{kind}").content

    def test_another_attempt_of_the_same_call_shows_the_same(self, admin_page, row):
        other = attempt(2, conversation=row.pk)
        assert admin_page.get(f"/calls/{other.pk}/").content.decode().count("<details") == 12

    @pytest.mark.parametrize(
        ("kind", "content_type", "start"),
        [
            ("txt", "text/plain; charset=utf-8", b"sip:alice@example.org to"),
            ("svg", "image/svg+xml", b"<svg"),
            ("json", "application/json", b"{"),
            ("pcap", "application/vnd.tcpdump.pcap", b"\xd4\xc3\xb2\xa1"),
        ],
    )
    def test_exports(self, admin_page, row, kind, content_type, start):
        response = admin_page.get(f"/calls/{row.pk}/call.{kind}")
        assert response["Content-Type"] == content_type
        assert response["Content-Disposition"] == f'attachment; filename="call-{row.pk}.{kind}"'
        assert "sandbox" in response["Content-Security-Policy"]
        assert response.content.startswith(start)

    def test_unknown_kind_and_unknown_call(self, admin_page, row):
        assert admin_page.get(f"/calls/{row.pk}/call.exe").status_code == 404
        assert admin_page.get("/calls/77/call.txt").status_code == 404
        assert admin_page.get("/calls/77/").status_code == 404

    def test_a_call_that_is_just_being_written(self, admin_page):
        response = admin_page.get(f"/calls/{int(time.time() * 1e6)}/")
        assert (response.status_code, response["Refresh"]) == (202, "1")

    @pytest.mark.parametrize("path", ["/calls/5000000000001/", "/calls/5000000000001/call.pcap", "/recording/"])
    def test_strangers_are_asked_to_log_in(self, client, row, path):
        assert client.get(path).url.startswith("/login/")

    def test_hostile_text_stays_text(self, admin_page):
        row = traced(
            attempt(1, caller=HOSTILE, reason=HOSTILE[:200], steps=[[HOSTILE, "", ""]]), hostile_call().messages
        )
        text = admin_page.get(f"/calls/{row.pk}/").content.decode()
        assert "<img src=x" not in text
        assert "\x1b" not in text
        assert "\u202e" not in text.partition('id="trace-title"')[2].partition("Decision, step by step")[0]


class TestRecording:
    def test_it_works(self, admin_page, engine):
        traced(attempt(1))
        text = admin_page.get("/recording/").content.decode()
        assert "12 messages of 1 call" in text
        page = admin_page.post(
            "/recording/",
            {"level": "headers", "message_days": 3, "message_megabytes": 50, "call_days": 10, "call_count": 1000,
             "request_days": 2},
            follow=True,
        )  # fmt: skip
        assert "Active now on the engine" in page.content.decode()
        assert load_rules() == RecordingRules("headers", False, 3, 50, 10, 1000, 2)

    def test_refusals(self, admin_page):
        response = admin_page.post("/recording/", {"level": "everything", "message_days": 0})
        assert response.status_code == 422
        assert load_rules() == RecordingRules()

    def test_operators_read(self, operator_page):
        assert operator_page.get("/recording/").status_code == 200
        assert operator_page.post("/recording/", {"level": "off"}).status_code == 403
