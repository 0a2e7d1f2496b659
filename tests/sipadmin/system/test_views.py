"""Audit, settings, backups and webhooks in the console."""

from __future__ import annotations

import sqlite3

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from sipadmin.audit.trail import record
from sipadmin.models import AuditEntry
from sipadmin.system import backups, settings_table
from sipadmin.webhooks.models import Delivery, Webhook
from tests.console import HOSTILE

pytestmark = pytest.mark.django_db


class TestAudit:
    def test_it_works(self, admin_page, engine, alice):
        admin_page.post("/users/bulk/", {"do": "disable", "user": [alice.pk]})
        text = admin_page.get("/system/audit/").content.decode()
        for word in ("ada", "alice@example.org", "user.changed", "enabled", "False"):
            assert word in text

    def test_filters(self, admin_page, alice, bob):
        text = admin_page.get("/system/audit/?q=bob@example.org").content.decode()
        assert "bob@example.org" in text
        assert "alice@example.org" not in text
        assert "No entry matches" in admin_page.get("/system/audit/?action=webhook").content.decode()

    def test_hostile_text_stays_text(self, admin_page):
        record("user.changed", HOSTILE, {"display_name": [HOSTILE, None]})
        assert "<script>alert" not in admin_page.get("/system/audit/").content.decode()

    def test_pages(self, admin_page):
        AuditEntry.objects.bulk_create(
            AuditEntry(ts="2026-01-01T00:00:00Z", action="user.changed", subject=f"u{number}") for number in range(120)
        )
        assert "Page 2 of" in admin_page.get("/system/audit/?page=2").content.decode()


class TestSettings:
    def test_it_works(self, admin_page, engine, monkeypatch):
        monkeypatch.setenv("SIPADMIN_HTTP", "127.0.0.1:8000")
        text = admin_page.get("/system/settings/").content.decode()
        assert "SIPADMIN_HTTP" in text
        assert "the environment or a flag" in text
        assert "127.0.0.1:5060" in text

    def test_no_secret(self, admin_page, settings):
        settings.DATABASES["default"]["PASSWORD"] = "secret-of-the-database"
        assert "secret-of-the-database" not in admin_page.get("/system/settings/").content.decode()

    def test_words(self):
        assert settings_table.in_words("journal", "fast") == "at once; the database follows"
        assert settings_table.in_words("relay_from", []) == "none"
        assert settings_table.in_words("operators_act", True) == "yes"
        assert settings_table.in_words("advertise", None) == "the address itself"


of_sqlite = pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL is copied by its own tools")


class TestBackup:
    @of_sqlite
    def test_it_works(self, admin_page, alice):
        admin_page.post("/system/backup/")
        [one] = backups.there()
        assert one.name in admin_page.get("/system/backup/").content.decode()
        answer = admin_page.get(f"/system/backup/{one.name}/")
        assert b"".join(answer.streaming_content).startswith(b"SQLite format 3")
        assert set(AuditEntry.objects.values_list("action", flat=True)) >= {"backup.created", "backup.taken"}

    @pytest.mark.parametrize("name", ["nothing.sqlite3", "..%2fsecret_key", "secret_key"])
    def test_nothing_else_is_handed_out(self, admin_page, settings, name):
        (settings.DATA_DIR / "secret_key").write_text("x")
        assert admin_page.get(f"/system/backup/{name}/").status_code == 404

    @of_sqlite
    def test_old_ones_go(self, monkeypatch):
        monkeypatch.setattr(backups, "KEPT", 1)
        monkeypatch.setattr(backups, "NAME", "sipadmin-1.sqlite3")
        backups.make()
        monkeypatch.setattr(backups, "NAME", "sipadmin-2.sqlite3")
        backups.make()
        assert [one.name for one in backups.there()] == ["sipadmin-2.sqlite3"]

    @of_sqlite
    def test_the_command(self, tmp_path, capsys):
        target = tmp_path / "copy.sqlite3"
        call_command("backup", str(target))
        assert "secret_key" in capsys.readouterr().out
        assert sqlite3.connect(target).execute("SELECT count(*) FROM registrar_domain").fetchone() == (0,)
        assert target.stat().st_mode & 0o777 == 0o600
        with pytest.raises(CommandError, match="there already"):
            call_command("backup", str(target))

    def test_where_it_cannot(self, admin_page, tmp_path, monkeypatch):
        with pytest.raises(backups.CannotBackUp):
            backups.make(tmp_path / "no" / "such" / "folder")
        monkeypatch.setattr(backups.connection.__class__, "vendor", "postgresql", raising=False)

        def refuse(target=None):
            raise backups.CannotBackUp("The database is postgresql")

        monkeypatch.setattr(backups, "make", refuse)
        assert "postgresql" in admin_page.post("/system/backup/", follow=True).content.decode()


class TestWebhooks:
    NEW = {"name": "crm", "url": "https://hooks.example.com/sip", "types": ["call.ended"], "domain": ""}

    def test_it_works(self, admin_page):
        text = admin_page.post("/system/webhooks/", self.NEW).content.decode()
        assert "whsec_" in text
        assert "whsec_" not in admin_page.get("/system/webhooks/").content.decode()
        hook = Webhook.objects.get()
        assert (hook.name, hook.types) == ("crm", ["call.ended"])

    @pytest.mark.parametrize(
        "wrong", [{"name": ""}, {"url": "ftp://x"}, {"url": "no address"}, {"domain": "nowhere.org"}]
    )
    def test_refused(self, admin_page, wrong):
        assert admin_page.post("/system/webhooks/", {**self.NEW, **wrong}).status_code == 422
        assert not Webhook.objects.exists()

    def test_the_life_of_one(self, admin_page):
        admin_page.post("/system/webhooks/", self.NEW)
        hook = Webhook.objects.get()
        place = f"/system/webhooks/{hook.pk}/"
        admin_page.post(place, {"do": "test"})
        assert "webhook.test" in admin_page.get(place).content.decode()
        hook.deliveries.update(state=Delivery.FAILED, attempts=[{"at": "", "status": 500, "error": HOSTILE, "ms": 1}])
        assert "<script>alert" not in admin_page.get(place).content.decode()
        admin_page.post(place, {"do": "again"})
        assert hook.deliveries.get().state == Delivery.WAITING
        admin_page.post(place, {"do": "switch"})
        hook.refresh_from_db()
        assert not hook.enabled
        admin_page.post(place, {"do": "switch"})
        admin_page.post(place, {"do": "delete"})
        assert not Webhook.objects.exists()
