"""Each example in the OpenAPI document does what it says."""

import json

import pytest

from registrar.models import ThirdPartyRule
from sipadmin.accounts.tokens import issue_token
from tests.console import stored_message

pytestmark = pytest.mark.django_db
LEAST = 9  # examples of requests; fewer means that they got lost


@pytest.fixture
def document(admin_page):
    response = admin_page.get("/api/schema/?format=json")
    assert response.status_code == 200
    return response.json()


@pytest.fixture
def places(alice, bob, django_user_model):
    """Values for the parameters of addresses, by what stands before them."""
    stored_message(bob)
    return {
        "domains/{name}": "example.com",
        "users/{aor}": "carol@example.org",
        "third-party-rules/{id}": ThirdPartyRule.objects.create(actor=bob, target=alice).pk,
        "tokens/{id}": issue_token("another")[0].pk,
        "operators/{id}": django_user_model.objects.create_user("otto").pk,
    }


def examples(document):
    """(method, address, body) of every request example."""
    for place, operations in document["paths"].items():
        for method, operation in operations.items():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            for example in content.get("examples", {}).values():
                yield method, place, example["value"]


def test_the_document_is_of_3_1(document):
    assert document["openapi"].startswith("3.1")
    assert json.dumps(document["components"]["schemas"]["Problem"])


def test_all_are_carried_out(document, places, admin_page, engine):
    done = 0
    for method, place, body in examples(document):
        address = place
        for part, value in places.items():
            address = address.replace(part, part.partition("{")[0] + str(value))
        if "{" in address or (method == "put" and "{name}" in place):
            continue  # of a row that the example's own POST would have made
        if method == "post" and "{aor}" in place:
            address = place.replace("{aor}", "bob@example.org")
        response = getattr(admin_page, method)(address, body, "application/json")
        if response.status_code == 400 and method in ("put", "patch"):
            # The names in it are those of the POST's example.
            assert {error["pointer"] for error in response.json()["errors"]} <= {
                "#/username", "#/domain", "#/name", "#/actor",
            }, (method, address, response.json())  # fmt: skip
            continue
        assert response.status_code in (200, 201), (method, address, response.content)
        done += 1
    assert done >= LEAST


def test_every_operation_has_what_all_share(document):
    for place, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation["responses"]["default"] == {"$ref": "#/components/responses/Problem"}, (method, place)
            names = {parameter["name"] for parameter in operation.get("parameters", [])}
            if method in ("post", "patch"):
                assert {"Idempotency-Key", "X-Change-Reason"} <= names, (method, place)


def test_names_of_operations_are_unique(document):
    names = [operation["operationId"] for operations in document["paths"].values() for operation in operations.values()]
    assert len(names) == len(set(names))
