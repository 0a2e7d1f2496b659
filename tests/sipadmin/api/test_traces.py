"""/api/v1/calls/{id}/messages/, its exports, and /recording/"""

from __future__ import annotations

import pytest

from proxy.models import RecordingSettings
from sipadmin.accounts.tokens import issue_token
from tests.console import attempt, request_record, traced

pytestmark = pytest.mark.django_db


@pytest.fixture
def call():
    return traced(attempt(1))


class TestMessages:
    def test_it_works(self, admin_page, call):
        facts = admin_page.get(f"/api/v1/calls/{call.pk}/messages/").json()
        assert facts["count"] == 12
        first = facts["results"][0]
        assert (first["sequence"], first["direction"], first["method"]) == (1, "in", "INVITE")
        assert (first["source"], first["destination"]) == ("192.0.2.10:5060", "192.0.2.1:5060")
        assert first["text"].endswith("m=audio 4000 RTP/AVP 0\r\n")

    def test_operators_get_no_bodies(self, operator_page, call):
        first = operator_page.get(f"/api/v1/calls/{call.pk}/messages/").json()["results"][0]
        assert first["has_body"] is False
        assert first["has_sdp"] is True
        assert first["text"].endswith("\r\n\r\n")

    def test_unknown_call(self, admin_page):
        response = admin_page.get("/api/v1/calls/7/messages/")
        assert response.status_code == 404
        assert response["Content-Type"] == "application/problem+json"

    @pytest.mark.parametrize(("scopes", "status"), [(["calls:read"], 200), (["users:read"], 403)])
    def test_scope(self, client, administrator, call, scopes, status):
        _, text = issue_token("script", scopes, administrator)
        for place in ("messages/", "export/txt/"):
            response = client.get(f"/api/v1/calls/{call.pk}/{place}", headers={"Authorization": f"Bearer {text}"})
            assert response.status_code == status

    def test_strangers(self, client, call):
        assert client.get(f"/api/v1/calls/{call.pk}/messages/").status_code in (401, 403)
        assert client.get(f"/api/v1/calls/{call.pk}/export/pcap/").status_code in (401, 403)


@pytest.mark.parametrize("kind", ["txt", "svg", "json", "pcap"])
def test_exports(admin_page, call, kind):
    response = admin_page.get(f"/api/v1/calls/{call.pk}/export/{kind}/", headers={"Accept": "image/png"})
    assert response.status_code == 200
    assert response["Content-Disposition"].endswith(f'.{kind}"')
    assert admin_page.get(f"/calls/{call.pk}/call.{kind}").content == response.content


def test_unknown_export(admin_page, call):
    assert admin_page.get(f"/api/v1/calls/{call.pk}/export/exe/").status_code == 404


class TestRecording:
    PLACE = "/api/v1/recording/"

    def test_it_works(self, admin_page):
        facts = admin_page.get(self.PLACE).json()
        assert (facts["level"], facts["message_days"], facts["cost"]["messages"]) == ("all", 7, 0)
        answer = admin_page.patch(self.PLACE, {"level": "off"}, content_type="application/json")
        assert answer.json()["level"] == "off"
        assert RecordingSettings.objects.get().message_days == 7
        admin_page.patch(self.PLACE, {"message_days": 2}, content_type="application/json")
        assert RecordingSettings.objects.get().level == "off"

    def test_refusals(self, admin_page, operator_page):
        answer = admin_page.patch(self.PLACE, {"message_days": 0}, content_type="application/json")
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["pointer"] == "#/message_days"
        assert operator_page.patch(self.PLACE, {"level": "off"}, content_type="application/json").status_code == 403


class TestRequests:
    PLACE = "/api/v1/requests/"

    def test_it_works(self, operator_page):
        row = request_record()
        facts = operator_page.get(f"{self.PLACE}{row.pk}/").json()
        assert (facts["method"], facts["status"], facts["count"]) == ("REGISTER", 404, 7)
        assert facts["steps"][0]["section"] == "10.3 step 5"

    @pytest.mark.parametrize(
        ("query", "count"),
        [("", 2), ("?status=403", 1), ("?host=192.0.2.66", 1), ("?method=MESSAGE", 1), ("?target__ic=ZOE", 1),
         ("?status__gte=404", 1), ("?sender__ic=bob", 2)],
    )  # fmt: skip
    def test_filters(self, admin_page, query, count):
        request_record(1)
        request_record(2, method="MESSAGE", target="sip:zoe@example.net", host="192.0.2.7", status=403)
        assert len(admin_page.get(self.PLACE + query).json()["results"]) == count
