"""The overview, and what holds for every page."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from proxy.models import RoutingRule
from registrar.models import ThirdPartyRule
from sipadmin.accounts.models import ApiToken
from sipadmin.import_jobs import ImportJob, jobs
from sipadmin.security.models import Ban
from sipadmin.system import backups
from sipadmin.webhooks.models import Webhook
from tests.console import HOSTILE, attempt, bind

pytestmark = pytest.mark.django_db


def test_it_works(admin_page, engine, alice):
    bind(alice)
    attempt()
    text = admin_page.get("/").content.decode()
    assert "running" in text
    assert "udp 127.0.0.1:5060" in text
    assert "bob&#x27;s phone was busy (486)" in text


def test_engine_down_is_said(admin_page, engine):
    engine.is_up = False
    text = admin_page.get("/").content.decode()
    assert "not running" in text
    assert "The SIP process is not running." in text


def test_a_new_server_shows_first_steps(admin_page):
    assert "First steps" in admin_page.get("/").content.decode()


def test_nobody_gets_in_without_login():
    response = Client().get("/")
    assert response.status_code == 302
    assert response.headers["Location"] == "/login/?next=/"


def text_of(response) -> str:
    return b"".join(response.streaming_content if response.streaming else [response.content]).decode("utf-8", "replace")


@pytest.fixture
def places(alice, bob, domain, administrator):
    """Every page: (address, does it only take POST, may operators GET it)."""
    rule = ThirdPartyRule.objects.create(actor=alice, target=bob)
    token = ApiToken.objects.create(name="one", key="0" * 16, secret_hash="0" * 64)
    binding, call = bind(bob), attempt()
    ban = Ban.objects.create(source="198.51.100.66")
    hook = Webhook.objects.create(name="one", url="https://example.com/", sealed_secret=b"")
    routing_rule = RoutingRule.objects.create(priority=10, action="proxy")
    job = ImportJob(domain, "users.csv", b"user\n")
    job.run(is_dry_run=True)
    jobs.add(job)
    backup = backups.folder() / "sipadmin-1.sqlite3"  # not made: another database than SQLite has tools of its own
    backup.parent.mkdir()
    backup.write_bytes(b"SQLite format 3")
    return [
        ("/", "read"),
        ("/search/?q=bob", "read"),
        (reverse("health"), "read"),
        (reverse("account"), "own"),
        (reverse("second-factor"), "own"),
        (reverse("change-second-factor"), "leads anybody on"),
        (reverse("accounts"), "admin"),
        (reverse("account-of", args=[administrator.pk]), "admin"),
        (reverse("audit"), "admin"),
        (reverse("settings"), "admin"),
        (reverse("backup"), "admin"),
        (reverse("download-backup", args=[backup.name]), "admin"),
        (reverse("webhooks"), "admin"),
        (reverse("webhook", args=[hook.pk]), "admin"),
        (reverse("welcome"), "leads on"),
        (reverse("welcome-reach"), "admin"),
        (reverse("welcome-domain"), "admin"),
        (reverse("welcome-user"), "admin"),
        (reverse("connect", args=[bob.pk]), "admin"),
        (reverse("test-call", args=[bob.pk]), "post"),
        (reverse("test-phone"), "post"),
        (reverse("registrations"), "read"),
        (reverse("remove-binding", args=[binding.pk]), "post"),
        (reverse("calls"), "read"),
        (reverse("call", args=[call.pk]), "read"),
        (reverse("users"), "read"),
        (reverse("user", args=[bob.pk]), "read and post"),
        (reverse("new-user"), "admin"),
        (reverse("bulk-users"), "post"),
        (reverse("undo-users"), "post"),
        (reverse("export-users") + "?domain=example.org", "admin"),
        (reverse("import-users"), "admin"),
        (reverse("import-job", args=[job.key]), "admin"),
        (reverse("import-progress", args=[job.key]), "admin"),
        (reverse("import-errors", args=[job.key]), "admin"),
        (reverse("enable-user", args=[bob.pk]), "post"),
        (reverse("user-password", args=[bob.pk]), "post"),
        (reverse("delete-user", args=[bob.pk]), "admin"),
        (reverse("new-static-contact", args=[bob.pk]), "post"),
        (reverse("delete-static-contact", args=[bob.pk, binding.pk]), "post"),
        (reverse("new-rule", args=[bob.pk]), "post"),
        (reverse("delete-rule", args=[bob.pk, rule.pk]), "post"),
        (reverse("domains"), "read"),
        (reverse("domain", args=[domain.pk]), "read and post"),
        (reverse("new-domain"), "admin"),
        (reverse("delete-domain", args=[domain.pk]), "admin"),
        (reverse("routing"), "read and post"),
        (reverse("simulator"), "read"),
        (reverse("new-routing-rule"), "admin"),
        (reverse("routing-rule", args=[routing_rule.pk]), "read and post"),
        (reverse("move-routing-rule", args=[routing_rule.pk]), "post"),
        (reverse("delete-routing-rule", args=[routing_rule.pk]), "post"),
        (reverse("simulator"), "read"),
        (reverse("security"), "read and post"),
        (reverse("security-now"), "read"),
        (reverse("ban", args=[ban.pk]), "read"),
        (reverse("lift-ban", args=[ban.pk]), "post"),
        (reverse("forgive-source"), "post"),
        (reverse("recording"), "read and post"),
        (reverse("remove-messages", args=[bob.pk]), "post"),
        (reverse("requests"), "read"),
        (reverse("share-call", args=[call.pk]), "post"),
        (reverse("revoke-share", args=[call.pk, 1]), "post"),
        (reverse("call-export", args=[call.pk, "txt"]), "read"),
        (reverse("simulator"), "read"),
        (reverse("tokens"), "admin"),
        (reverse("revoke-token", args=[token.pk]), "post"),
    ]


class TestRoles:
    """Every page for anonymous visitors, operators and administrators."""

    def test_anonymous_visitors_are_sent_to_the_login(self, places):
        client = Client()
        for place, _ in places:
            for response in (client.get(place), client.post(place)):
                assert response.status_code == 302, place
                assert response.headers["Location"].startswith("/login/?next="), place

    def test_operators_read(self, places, operator_page):
        for place, kind in places:
            expected = {
                "read": 200,
                "own": 200,
                "read and post": 200,
                "admin": 403,
                "leads on": 403,
                "leads anybody on": 302,
                "post": (403, 405),
            }[kind]
            assert operator_page.get(place).status_code in (expected if isinstance(expected, tuple) else (expected,)), (
                place
            )

    def test_operators_change_nothing(self, places, operator_page):
        for place, kind in places:
            expected = {"read": (405,), "own": (200, 302, 422), "leads anybody on": (302, 422)}.get(kind, (403,))
            assert operator_page.post(place).status_code in expected, place

    def test_administrators_read(self, places, admin_page):
        for place, kind in places:
            expected = {"post": 405, "leads on": 302, "leads anybody on": 302}.get(kind, 200)
            assert admin_page.get(place).status_code == expected, place

    def test_nothing_changes_without_the_csrf_token(self, places, administrator):
        client = Client(enforce_csrf_checks=True)
        client.force_login(administrator)
        for place, kind in places:
            if kind != "read":
                assert client.post(place).status_code == 403, place

    def test_every_page_is_listed_here(self, places):
        from django.urls import get_resolver

        names = {name for name in get_resolver().reverse_dict if isinstance(name, str) and not name.startswith("api-")}
        listed = {get_resolver().resolve(place.partition("?")[0]).url_name for place, _ in places}
        assert names - listed == {
            "shared-call",
            "shared-export",
            "login",
            "logout",
            "setup",
            "healthz",
            "readyz",
            "metrics",
            "phone-link",
            "events-stream",
            "login-code",
        }


@pytest.mark.threat(21)
class TestHostileText:
    """Whatever phones send is text (threat 21)."""

    @pytest.fixture
    def hostile(self, alice, bob):
        bob.display_name = HOSTILE
        bob.save()
        bind(
            bob,
            contact=f"sip:bob@192.0.2.1;x={HOSTILE}",
            user_agent=HOSTILE,
            received_from=HOSTILE[:60],
            registered_by=HOSTILE,
        )
        row = attempt(
            call_id=HOSTILE,
            caller=HOSTILE,
            callee=HOSTILE,
            reason=HOSTILE,
            explanation=HOSTILE,
            steps=[[HOSTILE, "", ""], {"text": HOSTILE}],
        )
        row.branches.update(target=HOSTILE, user_agent=HOSTILE, reason=HOSTILE, state="failed")
        return [
            "/",
            "/registrations/",
            "/calls/",
            f"/calls/{row.pk}/",
            "/users/",
            f"/users/{bob.pk}/",
            f"/users/{bob.pk}/delete/",
            "/users/?q=" + HOSTILE,
            "/registrations/?q=" + HOSTILE,
            "/search/?q=" + HOSTILE,
            "/search/?q=bob",
        ]

    def test_no_page_lets_it_out_as_markup(self, hostile, admin_page):
        for place in hostile:
            text = admin_page.get(place).content.decode()
            assert "<script>alert" not in text, place
            assert "<img src=x" not in text, place

    def test_it_is_really_there(self, hostile, admin_page):
        assert "&lt;script&gt;alert(1)" in admin_page.get("/registrations/").content.decode()


class TestHeaders:
    """Strict policy: no inline script, no inline style, nothing from elsewhere."""

    def test_policy_forbids_inline(self, admin_page):
        policy = admin_page.get("/").headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy

    def test_no_page_needs_what_the_policy_forbids(self, places, admin_page):
        for place, kind in places:
            if kind != "post":
                text = text_of(admin_page.get(place))
                assert not re.search(r"<script(?![^>]*\ssrc=)", text), place
                assert not re.search(r"<style|\sstyle=|\son\w+=\"", text), place
                assert not re.search(r"(src|href)=\"(https?:)?//", text), place

    def test_tables_have_captions_and_scopes(self, places, admin_page):
        for place, kind in places:
            if kind != "post":
                text = text_of(admin_page.get(place))
                assert text.count("<table") == text.count("<caption"), place
                assert "<th>" not in text, place


class TestErrors:
    def test_unknown_page(self, admin_page):
        response = admin_page.get("/nothing/")
        assert response.status_code == 404
        assert "Nothing here" in response.content.decode()

    def test_unknown_rows(self, admin_page):
        for place in (
            "/users/99999/",
            "/domains/99999/",
            "/calls/9999999999999999999/",
            "/users/99999999999999999999999/",
        ):
            assert admin_page.get(place).status_code == 404, place

    def test_a_bug_gives_a_page(self, admin_page, monkeypatch):
        admin_page.raise_request_exception = False
        monkeypatch.setattr("sipadmin.dashboard.snapshot.totals", lambda: 1 / 0)
        response = admin_page.get("/")
        assert response.status_code == 500
        assert "Something broke" in response.content.decode()
