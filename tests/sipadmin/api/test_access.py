"""Who gets in: tokens, scopes, roles; every error as a problem."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from proxy.models import RoutingRule
from registrar.models import ThirdPartyRule
from sipadmin.accounts.models import SCOPES, ApiToken
from sipadmin.accounts.tokens import issue_token
from sipadmin.models import AuditEntry, Event
from sipadmin.security.models import Ban
from sipadmin.webhooks.hooks import queue_test, seal
from sipadmin.webhooks.models import Webhook
from tests.console import attempt, bind, request_record, stored_message

pytestmark = pytest.mark.django_db


def bearer(text: str) -> dict[str, str]:
    return {"HTTP_AUTHORIZATION": f"Bearer {text}"}


def is_problem(response, status: int) -> bool:
    facts = response.json()
    return (
        response.status_code == status == facts["status"]
        and response.headers["Content-Type"] == "application/problem+json"
        and set(facts) >= {"type", "title", "detail", "instance", "request_id"}
    )


class TestToken:
    @pytest.fixture
    def issued(self, db):
        return issue_token("script")

    def get(self, text: str):
        return Client().get("/api/v1/users/", **bearer(text))

    def test_it_works(self, issued):
        assert self.get(issued[1]).status_code == 200

    def test_none(self, db):
        response = Client().get("/api/v1/users/")
        assert is_problem(response, 401)
        assert response.headers["WWW-Authenticate"] == 'Bearer realm="sipadmin"'

    def test_wrong_secret(self, issued):
        key = issued[1].partition(".")[0]
        assert is_problem(self.get(f"{key}.{'A' * 43}"), 401)

    @pytest.mark.parametrize("text", ["", "sipa_", "nonsense", "sipa_0123456789abcdef." + "A" * 43, "\x00", "ü" * 60])
    def test_no_token_at_all(self, db, text):
        response = Client().get("/api/v1/users/", HTTP_AUTHORIZATION=f"Bearer {text}".encode().decode("latin-1"))
        assert is_problem(response, 401)

    def test_revoked(self, issued):
        ApiToken.objects.update(is_revoked=True)
        assert is_problem(self.get(issued[1]), 401)

    def test_expired(self, issued):
        ApiToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        assert is_problem(self.get(issued[1]), 401)

    def test_owner_disabled(self, administrator):
        _, text = issue_token("hers", owner=administrator)
        assert self.get(text).status_code == 200
        administrator.is_active = False
        administrator.save()
        assert is_problem(self.get(text), 401)

    def test_no_more_than_its_owner(self, operator, domain):
        _, text = issue_token("his", owner=operator)
        assert self.get(text).status_code == 200
        assert is_problem(Client().delete("/api/v1/domains/example.org/", **bearer(text)), 403)

    def test_last_use_is_kept_once_a_minute(self, issued):
        self.get(issued[1])
        first = ApiToken.objects.get().last_used_at
        self.get(issued[1])
        assert ApiToken.objects.get().last_used_at == first
        ApiToken.objects.update(last_used_at=timezone.now() - timedelta(seconds=61))
        self.get(issued[1])
        assert ApiToken.objects.get().last_used_at > first

    def test_networks(self, db):
        _, text = issue_token("here", networks=["127.0.0.0/8", "2001:db8::/32"])
        assert self.get(text).status_code == 200
        for address, status in (("127.9.9.9", 200), ("::ffff:127.0.0.1", 200), ("2001:db8::1", 200),
                                ("192.0.2.1", 401), ("::1", 401), ("", 401)):  # fmt: skip
            response = Client(REMOTE_ADDR=address).get("/api/v1/users/", **bearer(text))
            assert response.status_code == status, address

    def test_only_the_hash_is_stored(self, issued):
        secret = issued[1].partition(".")[2]
        row = ApiToken.objects.values().get()
        assert secret not in map(str, row.values())

    def test_unknown_scope(self, db):
        with pytest.raises(ValueError, match="unknown scope"):
            issue_token("x", ["everything"])


ASKING = "/api/v1/routing/simulate/"  # a POST that changes nothing
FOR_ADMINISTRATORS = ("/api/v1/audit/", "/api/v1/operators/", "/api/v1/tokens/", "/api/v1/webhooks/")


@pytest.fixture
def endpoints(alice, bob, domain):
    """(method, address, scope that opens it, good status with it)."""
    rule = ThirdPartyRule.objects.create(actor=alice, target=bob)
    binding, call = bind(bob), attempt()
    hook = Webhook.objects.create(name="hook", url="https://example.org/", sealed_secret=seal(b"secret"))
    delivery = queue_test(hook, "somebody")
    token, somebody = issue_token("somebody's")[0], get_user_model().objects.create_user("somebody")
    entry = AuditEntry.objects.create(ts=timezone.now(), action="user.changed")
    waiting = stored_message(bob)
    routing = RoutingRule.objects.create(priority=10, action="reject", reject_code=603)
    event = Event.objects.create(ts=timezone.now(), type="call.ended")
    ban = Ban.objects.create(source="198.51.100.66")
    found = []
    for place, scope, writes in [
        ("domains/", "domains", ["post"]),
        ("domains/example.org/", "domains", ["put", "patch", "delete"]),
        ("users/", "users", ["post"]),
        ("users/bob@example.org/", "users", ["put", "patch", "delete"]),
        ("third-party-rules/", "users", ["post"]),
        (f"third-party-rules/{rule.pk}/", "users", ["put", "patch", "delete"]),
        ("bindings/", "bindings", ["post"]),
        (f"bindings/{binding.pk}/", "bindings", ["delete"]),
        ("stored-messages/", "users", []),
        (f"stored-messages/{waiting.pk}/", "users", ["delete"]),
        ("routing/policy/", "routing", ["put"]),
        ("routing-rules/", "routing", ["post"]),
        (f"routing-rules/{routing.pk}/", "routing", ["put", "patch", "delete"]),
        ("calls/", "calls", []),
        (f"calls/{call.pk}/", "calls", []),
        (f"calls/{call.pk}/messages/", "calls", []),
        (f"calls/{call.pk}/export/txt/", "calls", []),
        ("recording/", "routing", ["patch"]),
        ("requests/", "calls", []),
        (f"requests/{request_record().pk}/", "calls", []),
        ("system/", "system", []),
        ("stats/", "system", []),
        ("events/", "events", []),
        (f"events/{event.pk}/", "events", []),
        ("bans/", "security", ["post"]),
        (f"bans/{ban.pk}/", "security", ["delete"]),
        ("audit/", "audit", []),
        (f"audit/{entry.pk}/", "audit", []),
        ("operators/", "operators", ["post"]),
        (f"operators/{somebody.pk}/", "operators", ["put", "patch", "delete"]),
        ("tokens/", "tokens", ["post"]),
        (f"tokens/{token.pk}/", "tokens", ["put", "patch", "delete"]),
        ("webhooks/", "webhooks", ["post"]),
        (f"webhooks/{hook.pk}/", "webhooks", ["put", "patch", "delete"]),
        (f"webhooks/{hook.pk}/deliveries/", "webhooks", []),
        (f"webhooks/{hook.pk}/deliveries/{delivery.pk}/", "webhooks", []),
    ]:
        found.append(("get", f"/api/v1/{place}", f"{scope}:read"))
        found += [(method, f"/api/v1/{place}", f"{scope}:write") for method in writes]
    found.append(("post", f"/api/v1/webhooks/{hook.pk}/deliveries/replay/", "webhooks:write"))
    found += [("post", f"/api/v1/webhooks/{hook.pk}/{name}/", "webhooks:write") for name in ("rotate-secret", "test")]
    found.append(("post", "/api/v1/users/bulk/", "users:write"))
    found.append(("post", ASKING, "routing:read"))
    for name in ("rotate-password", "provisioning-link"):
        found.append(("post", f"/api/v1/users/bob@example.org/{name}/", "users:write"))
    found.append(("delete", "/api/v1/users/bob@example.org/provisioning-link/", "users:write"))
    return found


def ask(client: Client, method: str, place: str, **more):
    # An empty body is refused by every writing endpoint, but only after the question of who asks.
    return getattr(client, method)(
        place, data={} if method == "get" else '{"bogus": 1}', content_type="application/json", **more
    )


class TestScopes:
    def test_each_scope_opens_its_endpoints_only(self, endpoints, engine):
        tokens = {scope: issue_token(scope, [scope])[1] for scope in SCOPES}
        for scope, text in tokens.items():
            for method, place, needed in endpoints:
                if method == "delete" and scope == needed:
                    continue  # would take away what the others look for
                response = ask(Client(), method, place, **bearer(text))
                if scope == needed:
                    assert response.status_code in (200, 202, 400), (method, place, scope)
                else:
                    assert is_problem(response, 403), (method, place, scope)
                    assert needed in response.json()["detail"]

    def test_without_scopes_everything(self, endpoints, engine):
        _, text = issue_token("all")
        for method, place, _ in endpoints:
            if method != "delete":
                assert ask(Client(), method, place, **bearer(text)).status_code in (200, 202, 400), (method, place)


class TestRoles:
    def test_anonymous(self, endpoints):
        for method, place, _ in endpoints:
            assert is_problem(ask(Client(), method, place), 401), (method, place)

    def test_operators_read(self, endpoints, operator_page):
        for method, place, _ in endpoints:
            response = ask(operator_page, method, place)
            if place == ASKING:
                assert response.status_code == 400  # what it wants to know, not who asks
                continue
            may = method == "get" and not place.startswith(FOR_ADMINISTRATORS)
            assert response.status_code == 200 if may else is_problem(response, 403), (method, place)

    def test_administrators_write(self, endpoints, admin_page, engine):
        for method, place, _ in endpoints:
            if method != "delete":
                assert ask(admin_page, method, place).status_code in (200, 202, 400), (method, place)

    def test_sessions_need_the_csrf_token(self, endpoints, administrator):
        client = Client(enforce_csrf_checks=True)
        client.force_login(administrator)
        for method, place, _ in endpoints:
            response = ask(client, method, place)
            assert response.status_code == 200 if method == "get" else is_problem(response, 403), (method, place)

    def test_every_endpoint_is_listed_here(self, endpoints):
        from django.urls import get_resolver

        names = {name for name in get_resolver().reverse_dict if isinstance(name, str) and name.startswith("api-")}
        listed = {get_resolver().resolve(place).url_name for _, place, _ in endpoints}
        assert names - listed == {"api-root", "api-schema", "api-docs"}


class TestProblems:
    @pytest.fixture
    def token(self, db):
        return bearer(issue_token("script")[1])

    def test_unknown_address(self, token):
        assert is_problem(Client().get("/api/v1/nothing/", **token), 404)
        assert is_problem(Client().get("/api/nothing", **token), 404)
        assert is_problem(Client().get("/api/v1/nothing/"), 401)

    def test_unknown_row(self, token):
        for place in (
            "users/nobody@example.org",
            "domains/example.com",
            "calls/1",
            "bindings/1",
            "third-party-rules/1",
        ):
            assert is_problem(Client().get(f"/api/v1/{place}/", **token), 404), place

    def test_method(self, token):
        response = Client().post("/api/v1/calls/", **token)
        assert is_problem(response, 405)

    def test_not_json(self, token):
        assert is_problem(Client().post("/api/v1/domains/", "{", content_type="application/json", **token), 400)
        assert is_problem(Client().post("/api/v1/domains/", "[]", content_type="application/json", **token), 400)

    def test_other_media_type(self, token):
        assert is_problem(Client().post("/api/v1/domains/", "a=b", content_type="text/plain", **token), 415)

    def test_a_bug(self, token, monkeypatch):
        monkeypatch.setattr("proxy.api.views.own_policy", lambda owner: 1 / 0)
        client = Client(raise_request_exception=False)
        response = client.get("/api/v1/routing/policy/", **token)
        assert is_problem(response, 500)
        assert "division" not in response.content.decode()

    def test_request_id(self, token):
        response = Client().get("/api/v1/calls/1/", HTTP_X_REQUEST_ID="my-own.1", **token)
        assert response.json()["request_id"] == response.headers["X-Request-ID"] == "my-own.1"
        response = Client().get("/api/v1/calls/1/", HTTP_X_REQUEST_ID="a b<c>", **token)
        assert "<" not in response.json()["request_id"]

    @pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "offset=-1", "bogus=1", "q=%00"])
    def test_lists_refuse_what_they_do_not_know(self, token, query):
        assert is_problem(Client().get(f"/api/v1/users/?{query}", **token), 400)


@pytest.mark.threat(23)
@pytest.mark.parametrize("method", ["get", "put", "post", "patch", "delete"])
@pytest.mark.parametrize(
    "place", ["users/a%00@example.org/", "users/bob@example.org%00/", "domains/%00/", "users/a%00@b/rotate-password/"]
)
def test_nothing_is_at_an_address_with_a_zero_byte(admin_page, bob, place, method):
    """PostgreSQL fails when it is asked for one."""
    response = getattr(admin_page, method)(f"/api/v1/{place}", {"password": "x"}, content_type="application/json")
    assert is_problem(response, 404)
    assert response.json()["detail"] == "There is nothing at this address."


class TestDocuments:
    def test_schema(self, admin_page, recwarn):
        text = admin_page.get("/api/schema/").content.decode()
        for place in ("/api/v1/users/{aor}/", "/api/v1/users/bulk/", "/api/v1/routing/policy/", "bearerToken"):
            assert place in text

    def test_docs_come_from_here(self, admin_page):
        response = admin_page.get("/api/docs/")
        text = response.content.decode()
        assert "swagger-ui-dist" in text
        assert "https://" not in text
        assert "script-src" not in response.headers["Content-Security-Policy"]
        assert "default-src 'self'" in response.headers["Content-Security-Policy"]

    def test_not_for_everybody(self, db):
        assert Client().get("/api/schema/").status_code == 401
        assert Client().get("/api/docs/").status_code in (401, 403)

    def test_root(self, operator_page):
        assert operator_page.get("/api/v1/").json()["users"].endswith("/api/v1/users/")
