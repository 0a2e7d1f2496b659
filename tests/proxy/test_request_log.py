"""Decisions about single requests: kept, coalesced, and never more than a table can hold."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from proxy import request_log as module
from proxy.models import RequestRecord
from proxy.request_log import Decided, Limit, RequestLog, Told
from proxy.request_rows import remove_old_requests
from proxy.trace.levels import RecordingRules
from sip.decision import Step
from tests.proxy.scene import ALICE, MALLORY, Scene
from tests.proxy.trace.recorded import START, Recorded

STEPS = [Step("Refused", "R03", "10.3 step 5")]


def decided(at: float = 1000.0, host: str = "192.0.2.66", **facts) -> Decided:
    values = {
        "method": "REGISTER", "host": host, "target": "sip:bob@h", "status": 404, "reason": "No such user", "at": at,
    }  # fmt: skip
    told = {"source": f"udp:{host}:5060", "sender": "sip:a@h", "call_id": "c", "user_agent": "x", "steps": STEPS}
    told |= {name: facts.pop(name) for name in list(facts) if name in told}
    return Decided(**{**values, **facts}, tell=lambda: Told(**told))


@pytest.fixture
def log():
    return RequestLog(lambda at: at - 1000.0 + START)


class TestCoalescing:
    def test_equal_requests_are_one_entry(self, log):
        entries = {log.note(decided(1000.0 + number, call_id=str(number))) for number in range(5)}
        [entry] = entries
        assert (entry.count, entry.first_at, entry.last.at, entry.last.tell().call_id) == (5, 1000.0, 1004.0, "4")
        assert entry.id == int(START * 1e6)
        assert log.waiting == 1

    @pytest.mark.parametrize("other", [{"host": "192.0.2.7"}, {"method": "OPTIONS"}, {"status": 403}, {"target": "x"}])
    def test_others_are_another(self, log, other):
        assert log.note(decided()) is not log.note(decided(**other))

    def test_every_hour_a_new_one(self, log):
        first = log.note(decided())
        assert log.note(decided(1000.0 + module.OPEN_FOR)) is first
        assert log.note(decided(1001.0 + module.OPEN_FOR)) is not first

    def test_what_was_taken_waits_again_when_it_grows(self, log):
        log.note(decided())
        assert len(log.take(10)) == 1
        assert log.take(10) == []
        log.note(decided())
        assert [entry.count for entry in log.take(10)] == [2]


class TestFloods:
    """Threat of a table that strangers fill."""

    def test_a_scanner_of_names_is_a_few_entries(self, log):
        entries = {log.note(decided(1000.0 + number, target=f"sip:{number}@h")) for number in range(1000)}
        assert len(entries) == module.MOST_OF_SOURCE + 1
        last = log.note(decided(2000.0, target="sip:9999@h"))
        assert (last.host, last.count) == ("192.0.2.66", 1000 - module.MOST_OF_SOURCE + 1)

    def test_forged_sources_are_one_entry_beyond_some_a_second(self, log):
        entries = [log.note(decided(1000.0, host=f"10.0.{n // 250}.{n % 250}")) for n in range(1000)]
        assert len(set(entries)) == module.MOST_NEW_A_SECOND + 1
        assert (entries[-1].host, entries[-1].count) == ("", 1000 - module.MOST_NEW_A_SECOND)
        assert log.lumped == 1000 - module.MOST_NEW_A_SECOND
        assert log.note(decided(1001.0, host="10.9.9.9")).host == "10.9.9.9"

    def test_open_entries_are_bounded(self, log, monkeypatch):
        monkeypatch.setattr(module, "MOST_OPEN", 3)
        for number in range(10):
            log.note(decided(1000.0 + number, host=f"192.0.2.{number}"))
        assert len(log._open) == 3
        assert len(log._targets) == 3  # no more is counted than is open

    def test_a_phone_of_many_hours_is_told_by_its_address(self, log):
        """Its entries of the hours before are no targets of their own."""
        for hour in range(module.MOST_OF_SOURCE * 2):
            entry = log.note(decided(1000.0 + hour * (module.OPEN_FOR + 1)))
            assert (entry.last.target, entry.count) == ("sip:bob@h", 1)
        other = log.note(decided(entry.first_at, target="sip:carol@h"))
        assert other is not log.note(decided(entry.first_at, target="sip:dave@h"))

    def test_nor_are_entries_that_had_to_go(self, log, monkeypatch):
        monkeypatch.setattr(module, "MOST_OPEN", 1)
        for number in range(module.MOST_OF_SOURCE * 2):
            log.note(decided(1000.0 + 2 * number))
            log.note(decided(1001.0 + 2 * number, host="192.0.2.7"))
        first, second = log.note(decided(2000.0)), log.note(decided(2000.0, target="sip:carol@h"))
        assert first is not second

    def test_limit(self):
        limit = Limit(2)
        assert [limit.allows("a", 404, 10.0) for _ in range(3)] == [True, True, False]
        assert limit.allows("b", 404, 10.0)
        assert limit.allows("a", 404, 61.0)


class TestRefusals:
    def scene(self):
        scene = Scene()
        scene.requests = scene.handler.records.requests = RequestLog(lambda at: at)
        return scene

    def told(self, scene):
        return [
            (entry.last.method, entry.last.status, entry.last.reason, entry.count) for entry in scene.requests.take(99)
        ]

    def test_any_method(self):
        scene = self.scene()
        scene.send(method="MESSAGE", uri="sip:nobody@example.org")
        scene.send(method="REFER", uri="sip:example.org")
        scene.send(MALLORY, method="OPTIONS", uri="sip:zoe@example.net", from_="<sip:x@other.example>;tag=1")
        assert self.told(scene) == [
            ("MESSAGE", 404, "Not Found", 1),
            ("REFER", 405, "Method Not Allowed", 1),
            ("OPTIONS", 403, "Relaying denied", 1),
        ]

    def test_the_record_is_that_of_a_call(self):
        scene = self.scene()
        scene.send(method="MESSAGE", uri="sip:nobody@example.org")
        [entry] = scene.requests.take(9)
        assert [step.text for step in entry.last.tell().steps] == [
            "example.org is a domain of this server",
            "example.org asks its callers for no password",
            "nobody is not a user of example.org: 404",
        ]
        assert (entry.host, entry.last.tell().source, entry.last.target) == (
            ALICE[0],
            "udp:192.0.2.10:5060",
            "sip:nobody@example.org",
        )

    def test_answers_that_are_no_refusal_are_not_kept(self):
        scene = self.scene()
        scene.send(method="OPTIONS", uri="sip:example.org")
        scene.register("bob", "sip:bob@192.0.2.20:5060")
        scene.call("bob")
        assert self.told(scene) == []

    def test_who_is_merely_asked_for_a_password_is_not_refused(self):
        scene = Scene(auth_call=True)
        scene.requests = scene.handler.records.requests = RequestLog(lambda at: at)
        call = scene.call("bob")
        assert self.told(scene) == []
        call.with_password(password="wrong")
        assert self.told(scene) == [("INVITE", 407, "Proxy Authentication Required", 1)]

    def test_a_flood_of_refused_calls_does_not_fill_the_call_attempts(self):
        scene = self.scene()
        for _ in range(50):
            scene.call("nobody", source=MALLORY)
        assert len(scene.log.records) == 20
        assert self.told(scene) == [("INVITE", 404, "Not Found", 50)]
        scene.call("nobody")
        assert len(scene.log.records) == 21
        scene.advance(61)
        scene.call("nobody", source=MALLORY)
        assert len(scene.log.records) == 22


@pytest.mark.django_db
class TestRows:
    def test_written_and_grown(self, log):
        scene = Recorded()
        scene.recorder.requests = log
        log.note(decided(reason="No \0such user", user_agent="\udcff"))
        scene.recorder.write_waiting()
        log.note(decided(1003.0, source="tcp:192.0.2.66:7"))
        scene.recorder.write_waiting()
        row = RequestRecord.objects.get()
        assert (row.method, row.status, row.host, row.source, row.count) == (
            "REGISTER", 404, "192.0.2.66", "tcp:192.0.2.66:7", 2,
        )  # fmt: skip
        assert row.steps == [{"text": "Refused", "rule": "R03", "section": "10.3 step 5"}]
        assert row.first_at == datetime.fromtimestamp(START, UTC)
        assert row.last_at == datetime.fromtimestamp(START + 3, UTC)
        assert "REGISTER from 192.0.2.66: 404" in str(row)

    def test_what_was_written_holds_no_request_any_more(self, log):
        scene = Recorded()
        scene.recorder.requests = log
        entry = log.note(decided(sender="x" * 5000))
        scene.recorder.write_waiting()
        assert len(entry.last.tell().sender) == 400
        newer = decided(1001.0)
        log.note(newer)
        entry.settle(decided(), Told("", "", "", "", []))  # written meanwhile: the newer one stays
        assert entry.last is newer

    def test_old_ones_go_by_age_and_by_number(self):
        now = datetime.now(UTC)
        for number in range(6):
            at = now - timedelta(days=number)
            RequestRecord.objects.create(id=100 - number, method="REGISTER", status=404, first_at=at, last_at=at)
        assert remove_old_requests("default", 5) == 1
        assert remove_old_requests("default", 400, kept=2) == 3
        assert list(RequestRecord.objects.values_list("id", flat=True)) == [100, 99]

    def test_the_recorder_clears(self):
        scene = Recorded()
        at = datetime.now(UTC) - timedelta(days=3)
        RequestRecord.objects.create(id=1, method="REGISTER", status=404, first_at=at, last_at=at)
        scene.recorder.rules = RecordingRules(request_days=2)
        scene.recorder._clear()
        assert not RequestRecord.objects.exists()
