"""Idempotency-Key."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from registrar.models import SipUser
from sipadmin.accounts.models import ApiToken
from sipadmin.accounts.tokens import issue_token
from sipadmin.engine.engine import forget_old_answers
from sipadmin.models import KeptAnswer

pytestmark = pytest.mark.django_db
JSON = "application/json"
DORA = {"username": "dora", "domain": "example.org", "password": "explorer"}


@pytest.fixture
def text(db):
    return issue_token("script")[1]


def post(text, place="users/", body=DORA, key="key-1", method="post"):
    headers = {"Authorization": f"Bearer {text}"} | ({"Idempotency-Key": key} if key else {})
    return getattr(Client(), method)(f"/api/v1/{place}", body, JSON, headers=headers)


def test_it_works(text, domain):
    first, second = post(text), post(text)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content
    assert first.headers["ETag"] == second.headers["ETag"]
    assert first.headers["Location"] == second.headers["Location"]
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"
    assert SipUser.objects.count() == 1
    assert post(text, key="").status_code == 400  # there is one of that name


def test_a_new_password_is_made_once(text, bob):
    first, second = (post(text, "users/bob@example.org/rotate-password/", {}) for _ in range(2))
    assert first.json()["password"] == second.json()["password"]
    assert second.headers["Cache-Control"] == "no-store"
    bob.refresh_from_db()
    assert bob.version == 2
    # Nothing in the database tells it.
    assert first.json()["password"] not in str(list(KeptAnswer.objects.values()))
    assert text.encode() not in bytes(KeptAnswer.objects.get().sealed)


def test_patch(text, bob):
    for _ in range(2):
        assert post(text, "users/bob@example.org/", {"enabled": False}, method="patch").status_code == 200
    bob.refresh_from_db()
    assert bob.version == 2


def test_another_request_with_the_key(text, domain):
    post(text)
    response = post(text, body={**DORA, "username": "emma"})
    assert response.status_code == 422
    assert "Use a new key" in response.json()["detail"]
    assert not SipUser.objects.filter(username="emma").exists()


def test_while_the_first_one_runs(text, domain):
    post(text)
    KeptAnswer.objects.update(status=0)
    response = post(text)
    assert (response.status_code, response.headers["Retry-After"]) == (409, "1")
    assert response.headers["Content-Type"] == "application/problem+json"


def test_when_the_first_one_died(text, domain):
    post(text)
    SipUser.objects.all().delete()
    KeptAnswer.objects.update(status=0, created_at=timezone.now() - timedelta(minutes=3))
    assert post(text).status_code == 201
    assert KeptAnswer.objects.get().status == 201


def test_after_a_day(text, domain):
    post(text)
    KeptAnswer.objects.update(created_at=timezone.now() - timedelta(hours=25))
    assert post(text).status_code == 400
    assert not KeptAnswer.objects.exists()


def test_what_was_refused_may_be_tried_again(text, domain):
    assert post(text, body={**DORA, "password": ""}).status_code == 400
    assert post(text).status_code == 201


def test_keys_are_of_one_client(text, domain):
    post(text)
    assert post(issue_token("another")[1]).status_code == 400
    assert KeptAnswer.objects.count() == 1


def test_not_with_a_token_that_is_revoked(text, domain):
    post(text)
    ApiToken.objects.update(is_revoked=True)
    assert post(text).status_code == 401


def test_sessions(admin_page, domain):
    found = [admin_page.post("/api/v1/users/", DORA, JSON, headers={"Idempotency-Key": "1"}) for _ in range(2)]
    assert [response.status_code for response in found] == [201, 201]
    assert Client().post("/api/v1/users/", DORA, JSON, headers={"Idempotency-Key": "1"}).status_code == 401


def test_reading_needs_no_key(text, domain):
    response = Client().get("/api/v1/users/", headers={"Authorization": f"Bearer {text}", "Idempotency-Key": "key-1"})
    assert response.status_code == 200
    assert not KeptAnswer.objects.exists()


@pytest.mark.parametrize("key", ["a b", "ä", "x" * 256, "\t"])
def test_what_is_no_key(text, domain, key):
    assert post(text, key=key).status_code == 400
    assert not SipUser.objects.exists()


def test_an_answer_that_cannot_be_opened(text, domain, settings):
    post(text)
    settings.SECRET_KEY = "another one"
    response = post(text)
    assert response.status_code == 409
    assert "was carried out" in response.json()["detail"]


def test_old_answers_go(text, domain):
    post(text)
    forget_old_answers()
    assert KeptAnswer.objects.exists()
    KeptAnswer.objects.update(created_at=timezone.now() - timedelta(hours=25))
    forget_old_answers()
    assert not KeptAnswer.objects.exists()
