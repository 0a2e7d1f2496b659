"""GET /events/"""

import pytest
from django.utils import timezone

from sipadmin.models import Event

pytestmark = pytest.mark.django_db
PLACE = "/api/v1/events/"
BOB = "sip:bob@example.org"


def event(type="registration.created", subject=BOB, **data):
    return Event.objects.create(ts=timezone.now(), type=type, subject=subject, data=data)


def test_it_works(admin_page):
    row = event(contact="sip:bob@192.0.2.1")
    expected = {"id": row.pk, "type": row.type, "subject": BOB, "data": {"contact": "sip:bob@192.0.2.1"}}
    [found] = admin_page.get(PLACE).json()["results"]
    assert found.pop("ts")
    assert found == expected
    assert admin_page.get(f"{PLACE}{row.pk}/").json()["id"] == row.pk


@pytest.mark.parametrize("ordering", ["id", "-id"])
def test_pages_by_cursor(admin_page, ordering):
    rows = [event(number=number) for number in range(5)]
    place, seen = f"{PLACE}?limit=2&ordering={ordering}", []
    while place:
        page = admin_page.get(place).json()
        assert page["count"] is None
        seen += [found["id"] for found in page["results"]]
        place = page["next"]
    assert seen == sorted([row.pk for row in rows], reverse=ordering == "-id")


@pytest.mark.parametrize(
    ("query", "types"),
    [
        ("type=call.ended", {"call.ended"}),
        ("type=call.*,auth.failed", {"call.ended", "auth.failed"}),
        (f"subject={BOB}", {"registration.created", "call.ended"}),
        ("ts__gte=2001-01-01T00:00:00Z", {"registration.created", "call.ended", "auth.failed"}),
        ("ts__lt=2001-01-01T00:00:00Z", set()),
    ],
)
def test_filters(admin_page, query, types):
    event()
    event("call.ended")
    event("auth.failed", "sip:mallory@example.org")
    assert {found["type"] for found in admin_page.get(f"{PLACE}?{query}").json()["results"]} == types


def test_going_on_from_the_last_one(admin_page):
    first, second = event(), event()
    page = admin_page.get(f"{PLACE}?id__gt={first.pk}&ordering=id").json()
    assert [found["id"] for found in page["results"]] == [second.pk]


@pytest.mark.parametrize(
    "query",
    [
        "type=nonsense",
        "type=call.ended,",
        "ordering=ts",
        "id__gt=x",
        "cursor=cD0yMDI2LTEzLTQx",
        "cursor=cD3CsjM%3D",
        "ts__gte=soon",
        "bogus=1",
    ],
)
def test_refusals(admin_page, query):
    response = admin_page.get(f"{PLACE}?{query}")
    assert response.status_code == 400
    assert response.headers["Content-Type"] == "application/problem+json"
