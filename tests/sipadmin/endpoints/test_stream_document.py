"""The event stream in the OpenAPI document."""

from urllib.parse import quote

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient

from sipadmin.accounts.tokens import issue_token
from sipadmin.endpoints.stream_document import PLACE, describe_stream

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def operation(admin_page):
    return admin_page.get("/api/schema/?format=json").json()["paths"][PLACE]["get"]


def test_it_is_there(operation):
    assert operation["operationId"] == "events_stream"
    assert operation["tags"] == ["events"]
    assert {"bearerToken": []} in operation["security"]
    assert "default" in operation["responses"]
    assert [one["name"] for one in operation["parameters"]] == ["subject", "type", "after", "Last-Event-ID"]


async def test_it_is_true(operation):
    """It takes every parameter that is named, refuses any other, and answers with what is said."""
    _, text = await sync_to_async(issue_token)("reader", ["events:read"])
    headers = {"Authorization": f"Bearer {text}"}
    values = {"subject": "sip:bob@example.org", "type": "registration.*", "after": "1"}
    assert set(values) == {one["name"] for one in operation["parameters"] if one["in"] == "query"}
    query = "&".join(f"{name}={quote(value)}" for name, value in values.items())
    response = await AsyncClient().get(f"{PLACE}?{query}", headers={**headers, "Last-Event-ID": "1"})
    assert response.status_code == 200
    (kind,) = operation["responses"]["200"]["content"]
    assert response.headers["Content-Type"] == kind
    for bad in ("?after=x", "?other=1", "?type=no.such"):
        refused = await AsyncClient().get(PLACE + bad, headers=headers)
        assert (refused.status_code, refused.headers["Content-Type"]) == (400, "application/problem+json")
    assert (await AsyncClient().get(PLACE, headers={**headers, "Last-Event-ID": "x"})).status_code == 400


def test_without_the_list_there_is_nothing_to_say():
    assert describe_stream({"paths": {}}) == {"paths": {}}
