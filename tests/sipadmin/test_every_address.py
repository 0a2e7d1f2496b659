"""Every address of the product with every role: found in the URL configuration, so that no new one is left out.

Threats 24, 26 and 27: strangers get the few pages that are for them, operators change nothing but what is theirs, no
write goes without a CSRF token, and nobody gets a password or its hash back.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import get_resolver, resolve
from django.urls.resolvers import URLPattern

from registrar.models import SipUser, ThirdPartyRule
from sipadmin.accounts.tokens import issue_token
from sipadmin.models import AuditEntry, Event
from sipadmin.webhooks.hooks import queue_test, seal
from sipadmin.webhooks.models import Webhook
from tests.console import attempt, bind

pytestmark = pytest.mark.django_db
METHODS = ("get", "post", "put", "patch", "delete")
# For everybody: health, the login and what a secret link opens. Each has tests of its own.
PUBLIC = {"healthz", "readyz", "metrics", "login", "login-code", "setup", "phone-link", "shared-call", "shared-export"}
# What an operator may post: the way out, his own account, the question what would happen.
OPERATORS_POST = {"logout", "simulator", "api-simulate"}
OWN = "/account/"  # his own account


def walk(patterns: list[Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """(route, name) of every pattern."""
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield route, pattern.name or ""
        else:
            yield from walk(pattern.url_patterns, route)


@pytest.fixture
def values(alice, bob) -> dict[str, str]:
    """What stands in addresses, by its name; rows of the first id are there where it is an id."""
    ThirdPartyRule.objects.create(actor=alice, target=bob)
    bind(bob)
    attempt()
    Event.objects.create(ts=bob.created_at, type="call.ended")
    AuditEntry.objects.create(ts=bob.created_at, action="user.changed")
    queue_test(Webhook.objects.create(name="hook", url="https://example.org", sealed_secret=seal(b"secret")), "x")
    issue_token("first")
    return {
        "pk": str(bob.pk), "user": str(bob.pk), "name": "example.org", "aor": "bob@example.org", "kind": "txt",
        "rule": "1", "contact": "1", "webhook": "1", "share_id": "1", "text": "A" * 43, "token": "A" * 43,
        "key": "nothing",
    }  # fmt: skip


@pytest.fixture
def addresses(values) -> list[tuple[str, str]]:
    """(path, name) of every address, with ``values`` in it."""
    found = []
    for route, name in walk(get_resolver().url_patterns):
        path = re.sub(
            r"<(?:\w+:)?(\w+)>", lambda match: values[match[1]], re.sub(r"\(\?P<(\w+)>.*?\)(?=[/$.])", r"<\1>", route)
        )
        path = path.replace("/?$", "").replace("^", "").replace("$", "").replace("\\.", ".")
        # The stream is asynchronous, and has tests of its own for all of this.
        if ".*" not in path and "\\x00" not in path and name != "events-stream":
            found.append((f"/{path}", name))
    assert len(found) > 90
    return found


def test_the_walk_finds_what_it_names(addresses):
    for path, name in addresses:
        assert (resolve(path).url_name or "") == name, path


def is_refused(response) -> bool:
    to_login = response.status_code == 302 and response["Location"].startswith("/login/")
    return to_login or response.status_code in (401, 403)


def test_strangers(addresses, engine):
    for path, name in addresses:
        if name in PUBLIC:
            continue
        for method in METHODS:
            response = getattr(Client(), method)(path)
            assert is_refused(response), (method, path, response.status_code)


def test_operators_change_nothing(addresses, operator_page, engine):
    before = list(SipUser.objects.values())
    for path, name in addresses:
        if name in PUBLIC or name in OPERATORS_POST or path.startswith(OWN):
            continue
        for method in METHODS[1:]:
            response = getattr(operator_page, method)(path, "{}", content_type="application/json")
            assert response.status_code in (403, 405), (method, path, response.status_code)
    assert list(SipUser.objects.values()) == before


def test_a_token_that_reads_changes_nothing(addresses, engine):
    from sipadmin.accounts.models import SCOPES

    _, text = issue_token("reader", [scope for scope in SCOPES if scope.endswith(":read")])
    for path, name in addresses:
        if not path.startswith("/api/v1/") or name == "api-simulate":
            continue
        for method in METHODS[1:]:
            response = getattr(Client(), method)(
                path, "{}", content_type="application/json", headers={"Authorization": f"Bearer {text}"}
            )
            assert response.status_code in (403, 405), (method, path, response.status_code)


def test_tokens_open_no_pages(addresses, engine):
    _, text = issue_token("all")
    for path, name in addresses:
        if not path.startswith("/api/") and name not in PUBLIC:
            response = Client().get(path, headers={"Authorization": f"Bearer {text}"})
            assert is_refused(response), (path, response.status_code)


def test_no_write_without_the_csrf_token(addresses, administrator, engine):
    client = Client(enforce_csrf_checks=True)
    client.force_login(administrator)
    for path, name in addresses:
        if name in PUBLIC:
            continue
        for method in METHODS[1:]:
            response = getattr(client, method)(path, {}, content_type="application/json")
            assert response.status_code in (403, 405), (method, path, response.status_code)


def test_a_foreign_page_cannot_write(addresses, administrator, engine):
    client = Client(enforce_csrf_checks=True)
    client.force_login(administrator)
    token = client.get("/users/new/").cookies["csrftoken"].value
    headers = {"X-CSRFToken": token, "Origin": "https://evil.example", "Referer": "https://evil.example/"}
    for path, name in addresses:
        if name not in PUBLIC:
            response = client.post(path, {}, headers=headers, secure=True)
            assert response.status_code in (403, 405), (path, response.status_code)


def test_no_secret_comes_out(addresses, admin_page, bob, engine):
    """Of users, accounts, tokens and webhooks: what is stored of a secret is in no page and no answer."""
    secrets = [bob.ha1_md5, bob.ha1_sha256, bob.ha1_sha512_256, "builder"]
    for path, name in addresses:
        if name == "logout":
            continue
        response = admin_page.get(path)
        text = (response.getvalue() if response.streaming else response.content).decode("utf-8", "replace")
        for secret in secrets:
            assert secret not in text, (path, secret[:6])
