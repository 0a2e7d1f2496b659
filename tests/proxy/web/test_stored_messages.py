"""Messages that wait: on the user's page and over REST. Their text is nowhere."""

import pytest

from proxy.models import StoredMessage
from sipadmin.models import ConfigChange
from tests.console import HOSTILE, stored_message

pytestmark = pytest.mark.django_db
PLACE = "/api/v1/stored-messages/"
SECRET = "meet me at noon"


class TestPage:
    def test_it_works(self, admin_page, bob):
        one = stored_message(bob)
        text = admin_page.get(f"/users/{bob.pk}/").content.decode()
        assert "1 message, the oldest of" in text
        assert "sip:carol@example.org" in text
        assert f'value="{one.pk}"' in text
        assert SECRET not in text

    def test_operators_see_what_waits(self, operator_page, bob):
        stored_message(bob)
        text = operator_page.get(f"/users/{bob.pk}/").content.decode()
        assert "1 message, the oldest of" in text
        assert "/messages/delete/" not in text
        assert operator_page.post(f"/users/{bob.pk}/messages/delete/").status_code == 403

    def test_a_domain_that_stores_none(self, admin_page, bob):
        assert "Messages waiting" not in admin_page.get(f"/users/{bob.pk}/").content.decode()
        bob.domain.store_messages = "from-users"
        bob.domain.save()
        assert "Messages waiting" in admin_page.get(f"/users/{bob.pk}/").content.decode()

    def test_hostile_senders(self, admin_page, bob):
        stored_message(bob, sender=HOSTILE)
        assert "<script>alert(1)" not in admin_page.get(f"/users/{bob.pk}/").content.decode()

    def test_delete_one(self, admin_page, bob):
        one, other = stored_message(bob), stored_message(bob, 2)
        answer = admin_page.post(f"/users/{bob.pk}/messages/delete/", {"message": one.pk}, follow=True)
        assert "1 message is deleted." in answer.content.decode()
        assert list(StoredMessage.objects.all()) == [other]
        assert ConfigChange.objects.filter(kind="messages", object_id=bob.pk).exists()

    @pytest.mark.parametrize("number", ["x", "9" * 30, "-1"])
    def test_one_that_is_none(self, admin_page, bob, number):
        stored_message(bob)
        admin_page.post(f"/users/{bob.pk}/messages/delete/", {"message": number})
        assert StoredMessage.objects.count() == 1

    def test_delete_all_of_one_user(self, admin_page, alice, bob):
        stored_message(bob)
        stored_message(bob, 2)
        stored_message(alice, 3)
        admin_page.post(f"/users/{bob.pk}/messages/delete/")
        assert [row.user for row in StoredMessage.objects.all()] == [alice]


class TestApi:
    def test_it_works(self, admin_page, alice, bob):
        one = stored_message(bob)
        stored_message(alice, 2)
        found = admin_page.get(f"{PLACE}?aor=bob@example.org").json()
        assert found["count"] == 1
        facts = found["results"][0]
        assert set(facts) == {
            "id", "aor", "sender", "content_type", "size", "received_at", "expires_at", "attempts",
        }  # fmt: skip
        assert (facts["id"], facts["aor"], facts["size"]) == (one.pk, "bob@example.org", len(SECRET))
        assert admin_page.get(f"{PLACE}{one.pk}/").json() == facts
        assert admin_page.get(f"{PLACE}?sender__ic=CAROL").json()["count"] == 2

    def test_delete(self, admin_page, bob):
        one = stored_message(bob)
        assert admin_page.delete(f"{PLACE}{one.pk}/").status_code == 204
        assert StoredMessage.objects.count() == 0
        assert ConfigChange.objects.filter(kind="messages", object_id=bob.pk).exists()
        assert admin_page.delete(f"{PLACE}{one.pk}/").status_code == 404

    def test_operators_read(self, operator_page, bob):
        one = stored_message(bob)
        assert operator_page.get(PLACE).json()["count"] == 1
        assert operator_page.delete(f"{PLACE}{one.pk}/").status_code == 403

    def test_nobody_writes_one(self, admin_page, bob):
        assert admin_page.post(PLACE, {"aor": "bob@example.org"}, "application/json").status_code == 405
