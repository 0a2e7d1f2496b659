"""The audit trail: every change, with who and why, and never a secret."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from registrar.models import Domain, SipUser, ThirdPartyRule
from sipadmin.accounts.tokens import issue_token
from sipadmin.audit import trail
from sipadmin.audit.trail import HIDDEN, forget_old
from sipadmin.models import AuditEntry
from sipadmin.provisioning import save_domain, save_user, set_policy
from sipadmin.user_import import import_rows
from tests.console import bind

pytestmark = pytest.mark.django_db
JSON = "application/json"


@pytest.fixture(autouse=True)
def ready(alice, bob):
    AuditEntry.objects.all().delete()


def entries():
    found = list(AuditEntry.objects.order_by("id").values_list("action", "subject", "changes"))
    AuditEntry.objects.all().delete()
    return found


class TestWhatIsFollowed:
    def test_a_user(self, domain):
        user, _ = save_user(domain, "carol", password="secret", display_name="Carol")
        [(action, subject, changes)] = entries()
        assert (action, subject) == ("user.created", "carol@example.org")
        assert changes == {
            "username": [None, "carol"],
            "display_name": [None, "Carol"],
            "password": [None, HIDDEN],
        }
        save_user(domain, "carol", enabled=False)
        assert entries() == [("user.changed", "carol@example.org", {"enabled": [True, False]})]
        save_user(domain, "carol", password="another")
        assert entries() == [("user.changed", "carol@example.org", {"password": [HIDDEN, HIDDEN]})]
        save_user(domain, "carol", enabled=False)
        assert entries() == []  # saved, and nothing is different
        SipUser.objects.get(pk=user.pk).delete()
        [(action, subject, changes)] = entries()
        assert (action, subject) == ("user.deleted", "carol@example.org")
        assert changes["display_name"] == ["Carol", None]
        assert changes["password"] == [HIDDEN, None]

    def test_parts_belong_to_their_subject(self, domain, bob):
        save_user(domain, "bob", aliases=["2001"])
        assert entries() == [("user.changed", "bob@example.org", {"aliases": [[], ["2001"]]})]
        save_user(domain, "bob", aliases=[])
        assert entries() == [("user.changed", "bob@example.org", {"aliases": [["2001"], []]})]
        set_policy(bob, "redirect")
        assert entries() == [("user.changed", "bob@example.org", {"policy": [None, "redirect"]})]
        set_policy(bob, "inherit")
        assert entries() == [("user.changed", "bob@example.org", {"policy": ["redirect", None]})]
        set_policy(None, "redirect", 20)
        assert entries() == [("server.changed", "", {"policy": [None, "redirect"], "ring_time": [None, 20]})]

    def test_a_domain_falls_as_one(self, domain):
        save_domain("example.org", aliases=["example.net"], policy="redirect")
        assert [action for action, _, _ in entries()] == ["domain.changed", "domain.changed"]
        Domain.objects.get().delete()
        assert [(action, subject) for action, subject, _ in entries()] == [("domain.deleted", "example.org")]

    def test_a_rule(self, alice, bob):
        rule = ThirdPartyRule.objects.create(actor=alice, target=bob)
        rule.ends_at = timezone.now()
        rule.save()
        rule.delete()
        assert [action for action, _, _ in entries()] == [
            f"third-party-rule.{what}" for what in ("created", "changed", "deleted")
        ]

    def test_a_table_of_users(self, domain):
        import_rows(
            domain,
            [
                {"user": "bob", "display_name": "Robert", "aliases": "2001", "policy": "redirect"},
                {"user": "carol", "password": "secret", "display_name": "Carol"},
                {"user": "alice", "display_name": "Alice"},
            ],
        )
        assert entries() == [
            (
                "user.changed",
                "bob@example.org",
                {
                    "display_name": ["Bob", "Robert"],
                    "policy": ["inherit", "redirect"],
                    "aliases": [[], ["2001"]],
                },
            ),
            ("user.created", "carol@example.org", {"display_name": [None, "Carol"], "password": [None, HIDDEN]}),
        ]

    def test_accounts_and_tokens(self):
        account = get_user_model().objects.create_user("olga", password="correct horse battery")
        account.is_active = False
        account.save()
        token, _ = issue_token("billing", ["users:read"])
        token.is_revoked = True
        token.save()
        found = entries()
        assert [(action, subject) for action, subject, _ in found] == [
            ("account.created", "olga"),
            ("account.changed", "olga"),
            ("token.created", "billing"),
            ("token.changed", "billing"),
        ]
        assert found[0][2]["password"] == [None, HIDDEN]
        assert found[2][2]["secret"] == [None, HIDDEN]

    def test_logins(self, administrator):
        AuditEntry.objects.all().delete()
        client = Client()
        client.post("/login/", {"username": "ada", "password": "wrong"})
        client.post("/login/", {"username": "my-password-by-mistake", "password": "x"})
        client.post("/login/", {"username": "ada", "password": "correct horse battery"})
        client.post("/logout/")
        assert [(action, subject) for action, subject, _ in entries()] == [
            ("login.failed", "ada"),
            ("login.failed", "(no such account)"),
            ("login.succeeded", "ada"),
            ("login.ended", "ada"),
        ]


class TestWhoAndWhy:
    def test_a_token_with_a_reason(self, administrator):
        _, text = issue_token("billing", owner=administrator)
        AuditEntry.objects.all().delete()
        response = Client().patch(
            "/api/v1/users/bob@example.org/",
            {"enabled": False, "policy": "redirect", "aliases": ["2001", "2002"]},
            JSON,
            headers={
                "Authorization": f"Bearer {text}",
                "X-Change-Reason": "unpaid\x1b bill",
                "X-Request-ID": "job-17",
            },
        )
        assert response.status_code == 200
        assert response.headers["X-Request-ID"] == "job-17"
        entry = AuditEntry.objects.get()  # one, though three tables changed
        assert (entry.actor, entry.source) == ("token billing (ada)", "127.0.0.1")
        assert (entry.reason, entry.request_id) == ("unpaid bill", "job-17")
        assert (entry.action, entry.subject) == ("user.changed", "bob@example.org")
        assert entry.changes == {
            "enabled": [True, False],
            "policy": [None, "redirect"],
            "aliases": [[], ["2001", "2002"]],
        }

    def test_a_session(self, admin_page):
        AuditEntry.objects.all().delete()
        admin_page.delete("/api/v1/users/bob@example.org/")
        entry = AuditEntry.objects.get()
        assert (entry.actor, entry.action) == ("ada", "user.deleted")
        assert len(entry.request_id) == 16

    def test_a_contact_that_is_removed(self, admin_page, bob, engine):
        for remove in (
            lambda pk: admin_page.delete(f"/api/v1/bindings/{pk}/"),
            lambda pk: admin_page.post(f"/registrations/{pk}/remove/"),
        ):
            binding = bind(bob)
            AuditEntry.objects.all().delete()
            remove(binding.pk)
            entry = AuditEntry.objects.get()
            assert (entry.actor, entry.action, entry.subject) == ("ada", "binding.deleted", "bob@example.org")
            assert entry.changes == {"contact": [binding.contact, None]}
            binding.delete()

    def test_a_token_of_nobody(self):
        _, text = issue_token("script")
        AuditEntry.objects.all().delete()
        Client().delete("/api/v1/users/bob@example.org/", headers={"Authorization": f"Bearer {text}"})
        assert AuditEntry.objects.get().actor == "token script"

    def test_a_command(self, monkeypatch, domain):
        monkeypatch.setattr("sys.argv", ["./manage.py", "domain", "example.org"])
        monkeypatch.setattr("getpass.getuser", lambda: "root")
        save_domain("example.org", description="x")
        assert AuditEntry.objects.get().actor == "command domain (root)"

    def test_a_system_user_without_name(self, monkeypatch, domain):
        def nobody():
            raise KeyError

        monkeypatch.setattr("sys.argv", ["/usr/bin/pytest"])
        monkeypatch.setattr("getpass.getuser", nobody)
        save_domain("example.org", description="x")
        assert AuditEntry.objects.get().actor == "command pytest (unknown)"

    def test_what_was_refused_leaves_no_trace(self, admin_page):
        AuditEntry.objects.all().delete()
        body = {"mode": "upsert", "items": [{"username": "bob", "domain": "example.org", "display_name": "x"}, {}]}
        assert admin_page.post("/api/v1/users/bulk/", body, JSON).status_code == 422
        assert admin_page.patch("/api/v1/users/bob@example.org/", {"policy": "x"}, JSON).status_code == 400
        assert entries() == []


class TestEndpoint:
    PLACE = "/api/v1/audit/"

    def test_it_works(self, admin_page, domain):
        AuditEntry.objects.all().delete()
        save_user(domain, "carol", password="secret", display_name="Carol")
        save_user(domain, "carol", enabled=False)
        page = admin_page.get(self.PLACE).json()
        assert [found["action"] for found in page["results"]] == ["user.changed", "user.created"]
        assert "secret" not in str(page)

    @pytest.mark.parametrize(
        ("query", "count"),
        [
            ("action=user.changed", 1),
            ("action=user.*", 1),
            ("action=domain.*", 0),
            ("subject=bob@example.org", 1),
            ("actor__ic=COMMAND", 1),
            ("actor=ada", 0),
            ("ordering=id", 1),
            ("ts__gte=2001-01-01T00:00:00Z", 1),
            ("ts__lt=2001-01-01T00:00:00Z", 0),
        ],
    )
    def test_filters(self, admin_page, domain, query, count):
        AuditEntry.objects.all().delete()
        save_user(domain, "bob", enabled=False)
        assert len(admin_page.get(f"{self.PLACE}?{query}").json()["results"]) == count

    def test_nobody_changes_it(self, admin_page):
        row = AuditEntry.objects.create(ts=timezone.now(), action="user.changed")
        for method in ("post", "put", "patch", "delete"):
            assert getattr(admin_page, method)(f"{self.PLACE}{row.pk}/", {}, JSON).status_code == 405


def test_old_entries_go(monkeypatch):
    monkeypatch.setattr(trail, "REMOVED_AT_ONCE", 2)
    now = timezone.now()
    for days in (399, 401, 401, 401):
        AuditEntry.objects.create(ts=now - timedelta(days=days), action="user.changed")
    assert [forget_old(now), forget_old(now), forget_old()] == [2, 1, 0]
    assert AuditEntry.objects.count() == 1
