"""/api/v1/webhooks/"""

import pytest

from sipadmin.models import AuditEntry, Event
from sipadmin.webhooks.hooks import open_secret, queue_events
from sipadmin.webhooks.message import secret_text
from sipadmin.webhooks.models import Delivery, Webhook
from tests.sipadmin.webhooks.test_worker import Scene

pytestmark = pytest.mark.django_db
PLACE = "/api/v1/webhooks/"
JSON = "application/json"
BILLING = {"name": "billing", "url": "https://example.org/hook", "types": ["call.*"]}


@pytest.fixture
def place(admin_page):
    return admin_page.post(PLACE, BILLING, JSON).headers["Location"]


def test_it_works(admin_page, domain):
    response = admin_page.post(PLACE, {**BILLING, "domain": "Example.org"}, JSON)
    assert response.status_code == 201
    assert response.headers["Cache-Control"] == "no-store"
    facts = response.json()
    secret = facts.pop("secret")
    row = Webhook.objects.get()
    assert secret == secret_text(open_secret(row))
    assert (facts["types"], facts["domain"], facts["enabled"], facts["waiting"]) == (["call.*"], "example.org", True, 0)
    assert admin_page.get(response.headers["Location"]).json() == facts
    texts = (
        admin_page.get(PLACE).content.decode() + str(list(AuditEntry.objects.values())) + str(Webhook.objects.values())
    )
    assert secret not in texts
    assert secret.removeprefix("whsec_") not in texts


@pytest.mark.parametrize(
    ("more", "pointer"),
    [
        ({"url": "ftp://example.org"}, "#/url"),
        ({"url": "https://a:b@example.org"}, "#/url"),
        ({"types": ["nothing"]}, "#/types"),
        ({"types": "call.ended"}, "#/types"),
        ({"domain": "nowhere.example"}, "#/domain"),
        ({"name": ""}, "#/name"),
        ({"secret": "mine"}, "#/secret"),
    ],
)
def test_refusals(admin_page, more, pointer):
    response = admin_page.post(PLACE, {**BILLING, **more}, JSON)
    assert response.status_code == 400
    assert [error["pointer"] for error in response.json()["errors"]] == [pointer]
    assert not Webhook.objects.exists()


def test_names_are_unique(admin_page, place):
    assert admin_page.post(PLACE, BILLING, JSON).status_code == 400
    assert admin_page.put(place, BILLING, JSON).status_code == 200


def test_change_and_delete(admin_page, place):
    tag = admin_page.get(place).headers["ETag"]
    assert admin_page.put(place, {"name": "b", "url": "https://example.org"}, JSON).json()["types"] == []
    assert admin_page.patch(place, {"types": ["call.ended"]}, JSON, headers={"If-Match": tag}).status_code == 412
    assert admin_page.delete(place).status_code == 204


def test_enabled_again_it_starts_from_now(admin_page, place):
    Webhook.objects.update(enabled=False, disabled_reason="It answered 410 Gone")
    scene = Scene()
    scene.event("call.ended")
    facts = admin_page.patch(place, {"enabled": True}, JSON).json()
    assert (facts["enabled"], facts["disabled_reason"]) == (True, "")
    assert queue_events(Webhook.objects.get()) == 0


def test_a_new_secret(admin_page, place):
    before = open_secret(Webhook.objects.get())
    response = admin_page.post(place + "rotate-secret/", content_type=JSON)
    assert response.headers["Cache-Control"] == "no-store"
    assert response.json()["secret"] == secret_text(open_secret(Webhook.objects.get())) != secret_text(before)


def test_deliveries_and_replay(admin_page, place):
    assert admin_page.post(place + "test/", content_type=JSON).status_code == 202
    scene = Scene()
    scene.event("call.ended")
    assert admin_page.get(place).json()["waiting"] == 1
    scene.now = Delivery.objects.get().next_attempt_at
    scene.work()
    assert admin_page.get(place).json()["waiting"] == 0
    page = admin_page.get(place + "deliveries/").json()
    assert [row["type"] for row in page["results"]] == ["call.ended", "webhook.test"]
    assert page["results"][0]["attempts"][0]["status"] == 200
    ids = [row["id"] for row in page["results"]]
    assert admin_page.get(f"{place}deliveries/{ids[0]}/").json() == page["results"][0]
    assert admin_page.post(place + "deliveries/replay/", {"ids": ids}, JSON).json() == {"queued": 2}
    assert admin_page.get(place + "deliveries/?state=waiting&brief=true").json()["results"][0].keys() == {
        "id", "message_id", "type", "state",
    }  # fmt: skip
    assert Event.objects.count() == 1


def test_deliveries_are_of_their_webhook(admin_page, place):
    admin_page.post(place + "test/", content_type=JSON)
    other = admin_page.post(PLACE, {**BILLING, "name": "other"}, JSON).headers["Location"]
    delivery = Delivery.objects.get()
    assert admin_page.get(other + "deliveries/").json()["results"] == []
    assert admin_page.get(f"{other}deliveries/{delivery.pk}/").status_code == 404
    assert admin_page.post(other + "deliveries/replay/", {"ids": [delivery.pk]}, JSON).json() == {"queued": 0}
    assert admin_page.get(PLACE + "999/deliveries/").status_code == 404


@pytest.mark.parametrize("query", ["state=lost", "event_id=x", "bogus=1", "ordering=type"])
def test_deliveries_refuse_what_they_do_not_know(admin_page, place, query):
    assert admin_page.get(f"{place}deliveries/?{query}").status_code == 400
