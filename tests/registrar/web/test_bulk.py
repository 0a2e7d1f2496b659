"""Many users at once: bulk changes and the way back, import with a look at it first, export."""

from __future__ import annotations

import csv
import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from registrar.models import SipUser
from sipadmin.import_jobs import jobs
from sipadmin.models import AuditEntry, ConfigChange
from sipadmin.provisioning import own_policy, save_domain, save_user
from tests.console import HOSTILE, bind

pytestmark = pytest.mark.django_db


def enabled() -> dict[str, bool]:
    return dict(SipUser.objects.values_list("username", "enabled"))


class TestBulkChange:
    def test_it_works(self, admin_page, engine, alice, bob):
        ConfigChange.objects.all().delete()
        admin_page.post("/users/bulk/", {"do": "disable", "user": [alice.pk]})
        assert enabled() == {"alice": False, "bob": True}
        assert ("user", alice.pk) in set(ConfigChange.objects.values_list("kind", "object_id"))
        assert AuditEntry.objects.filter(subject="alice@example.org", actor="ada").exists()
        assert "1 user is disabled" in admin_page.get("/users/").content.decode()

    def test_undo(self, admin_page, engine, alice, bob):
        bob.enabled = False
        bob.save()
        admin_page.post("/users/bulk/", {"do": "disable", "user": [alice.pk, bob.pk]})
        admin_page.post("/users/undo/")
        assert enabled() == {"alice": True, "bob": False}
        assert "There is nothing to take back" in admin_page.post("/users/undo/", follow=True).content.decode()

    def test_undo_of_a_policy(self, admin_page, engine, alice, bob):
        save_user(alice.domain, "alice", policy="refuse:486", ring_time=7)
        form = {"do": "policy", "policy_action": "forward", "policy_argument": "sip:desk@example.org"}
        admin_page.post("/users/bulk/", {**form, "user": [alice.pk, bob.pk]})
        assert own_policy(alice)[0] == own_policy(bob)[0] == "forward:sip:desk@example.org"
        admin_page.post("/users/undo/")
        assert own_policy(alice) == ("refuse:486", 7)
        assert own_policy(bob) == ("inherit", None)

    def test_undo_leaves_out_who_is_gone(self, admin_page, engine, alice, bob):
        admin_page.post("/users/bulk/", {"do": "disable", "user": [alice.pk, bob.pk]})
        bob.delete()
        admin_page.post("/users/undo/")
        assert enabled() == {"alice": True}

    def test_all_that_match(self, admin_page, engine, alice, bob):
        other = save_domain("other.org").domain
        save_user(other, "carol", password="x")
        form = {"do": "disable", "all_matching": "1", "q": "", "domain": "example.org", "state": ""}
        admin_page.post("/users/bulk/", form)
        assert enabled() == {"alice": False, "bob": False, "carol": True}

    def test_in_several_domains(self, admin_page, engine, alice):
        save_user(save_domain("other.org").domain, "alice", password="x")
        admin_page.post("/users/bulk/", {"do": "disable", "all_matching": "1"})
        assert not SipUser.objects.filter(enabled=True).exists()

    @pytest.mark.parametrize(
        "form",
        [
            {"do": "explode"},
            {"do": "policy"},
            {"do": "policy", "policy_action": "refuse", "policy_argument": "9"},
        ],
    )
    def test_refused(self, admin_page, engine, alice, form):
        answer = admin_page.post("/users/bulk/", {**form, "user": [alice.pk]}, follow=True)
        assert 'class="error"' in answer.content.decode()
        assert own_policy(alice) == ("inherit", None)

    def test_nothing_to_change(self, admin_page, engine, alice):
        answer = admin_page.post("/users/bulk/", {"do": "enable", "user": [alice.pk]}, follow=True)
        assert "all of them are so already" in answer.content.decode()

    def test_deleting_names_the_effect_first(self, admin_page, engine, alice, bob):
        bind(alice)
        form = {"do": "delete", "user": [alice.pk]}
        text = admin_page.post("/users/bulk/", form).content.decode()
        assert "Delete 1 user?" in text
        assert "1 registered contact drops at once" in text
        assert SipUser.objects.count() == 2
        admin_page.post("/users/bulk/", {**form, "confirmed": "1"})
        assert list(enabled()) == ["bob"]


def export(page, query: str = "") -> str:
    return b"".join(page.get(f"/users/export/?domain=example.org{query}").streaming_content).decode()


def upload(page, domain, text: str, follow: bool = True):
    file = SimpleUploadedFile("users.csv", text.encode())
    return page.post("/users/import/", {"domain": domain.pk, "file": file}, follow=follow)


@pytest.fixture
def at_once(monkeypatch):
    """Jobs run when they are started: a thread of their own has no part in the test's transaction."""
    monkeypatch.setattr("sipadmin.import_jobs.ImportJob.start", lambda job, is_dry_run: job.run(is_dry_run=is_dry_run))


class TestExport:
    def test_it_works(self, admin_page, alice, bob):
        alice.aliases.create(domain=alice.domain, name="4711")
        save_user(alice.domain, "alice", policy="redirect", ring_time=9, max_contacts=3)
        rows = {row["user"]: row for row in csv.DictReader(io.StringIO(export(admin_page)))}
        assert rows["alice"]["aliases"] == "4711"
        assert (rows["alice"]["policy"], rows["alice"]["ring_time"], rows["alice"]["max_contacts"]) == (
            "redirect",
            "9",
            "3",
        )
        assert rows["bob"]["enabled"] == "on"
        assert "ha1_md5" not in rows["bob"]
        [only] = csv.DictReader(io.StringIO(export(admin_page, "&q=bob")))
        assert only["user"] == "bob"

    def test_no_cell_is_a_formula(self, admin_page, domain):
        for name in ("=1+1", "+4930", "-x", "@sum", "'=quoted", "plain"):
            save_user(domain, name.replace("@", "a").replace("=", "e"), password="x", display_name=name)
        for row in csv.reader(io.StringIO(export(admin_page))):
            assert not any(cell[:1] in "=+-@\t\r" for cell in row if cell), row

    def test_an_export_changes_nothing_when_it_is_imported(self, admin_page, engine, domain, at_once):
        for number, name in enumerate(("=1+1", "'=x", "''@", "'plain", 'Ünïcode, "quoted"')):
            save_user(domain, f"+49{number}", password="x", display_name=name, policy="refuse:486")
        before = list(SipUser.objects.order_by("pk").values())
        text = upload(admin_page, domain, export(admin_page)).content.decode()
        assert text.count('<p class="big">0</p>') == 2
        assert '<p class="big">5</p>' in text
        assert list(SipUser.objects.order_by("pk").values()) == before

    def test_hashes_only_when_asked_for_and_noted(self, admin_page, alice):
        assert alice.ha1_md5 in export(admin_page, "&with=ha1")
        assert AuditEntry.objects.filter(action="users.exported", actor="ada").exists()

    def test_unknown_domain(self, admin_page):
        assert admin_page.get("/users/export/?domain=nowhere.org").status_code == 404


class TestImport:
    TABLE = "user,password,display_name\nalice,,Alice Liddell\ncarol,secret-of-carol,Carol\n"

    def test_it_works(self, admin_page, engine, alice, at_once):
        answer = upload(admin_page, alice.domain, self.TABLE)
        text = answer.content.decode()
        assert "What will change" in text
        assert "Alice Liddell" in text
        assert SipUser.objects.count() == 1
        job = answer.redirect_chain[0][0]
        text = admin_page.post(job, {"do": "import"}, follow=True).content.decode()
        assert "Active now on the engine." in text
        assert set(SipUser.objects.values_list("username", "display_name")) == {
            ("alice", "Alice Liddell"), ("carol", "Carol"),
        }  # fmt: skip
        assert not list(jobs.get(job.split("/")[-2]).path.parent.iterdir())

    def test_no_secret_is_shown(self, admin_page, engine, alice, at_once):
        text = upload(admin_page, alice.domain, self.TABLE).content.decode()
        assert "secret-of-carol" not in text

    def test_errors_refuse_all_of_it(self, admin_page, engine, alice, at_once):
        quoted = HOSTILE.replace('"', '""')
        table = f'user,policy,display_name\ncarol,fly,Carol\nal ice,,x\n"{quoted}",,=1+1\n'
        answer = upload(admin_page, alice.domain, table)
        text = answer.content.decode()
        assert "Nothing was imported" in text
        assert "<script>alert" not in text
        errors = admin_page.get(answer.redirect_chain[0][0] + "errors/").content.decode()
        rows = list(csv.reader(io.StringIO(errors)))
        assert rows[0] == ["row", "column", "error"]
        assert {row[0] for row in rows[1:]} >= {"2", "3"}
        assert not any(cell[:1] in "=+-@" for row in rows for cell in row if cell)
        assert SipUser.objects.count() == 1

    def test_a_file_that_is_none(self, admin_page, engine, alice, at_once):
        assert "zero bytes" in upload(admin_page, alice.domain, "\0\0").content.decode()

    def test_no_file(self, admin_page, alice):
        assert admin_page.post("/users/import/", {"domain": alice.domain.pk}).status_code == 422

    def test_a_file_that_is_too_large(self, admin_page, alice, monkeypatch):
        monkeypatch.setattr("registrar.bulk_forms.LARGEST_FILE", 3)
        assert upload(admin_page, alice.domain, self.TABLE).status_code == 422

    def test_leaving_it(self, admin_page, engine, alice, at_once):
        answer = upload(admin_page, alice.domain, self.TABLE)
        job = answer.redirect_chain[0][0]
        assert "Nothing was changed" in admin_page.post(job, {"do": "drop"}, follow=True).content.decode()
        assert admin_page.get(job).status_code == 404

    def test_progress(self, admin_page, engine, alice, at_once):
        job = upload(admin_page, alice.domain, self.TABLE).redirect_chain[0][0]
        assert admin_page.get(job + "progress/").json() == {"state": "ready", "done": 2, "total": 2, "percent": 100}

    def test_it_is_imported_once(self, admin_page, engine, alice, at_once):
        job = upload(admin_page, alice.domain, self.TABLE).redirect_chain[0][0]
        admin_page.post(job, {"do": "import"})
        SipUser.objects.filter(username="carol").delete()
        admin_page.post(job, {"do": "import"})
        assert SipUser.objects.count() == 1

    def test_jobs_are_forgotten(self, admin_page, engine, alice, at_once, monkeypatch):
        job = upload(admin_page, alice.domain, self.TABLE).redirect_chain[0][0]
        monkeypatch.setattr("sipadmin.import_jobs.LIFETIME", -1.0)
        assert admin_page.get(job).status_code == 404

    def test_the_oldest_makes_room(self, admin_page, engine, alice, at_once, monkeypatch):
        monkeypatch.setattr("sipadmin.import_jobs.MOST_JOBS", 1)
        first = upload(admin_page, alice.domain, self.TABLE).redirect_chain[0][0]
        second = upload(admin_page, alice.domain, self.TABLE).redirect_chain[0][0]
        assert admin_page.get(first).status_code == 404
        assert admin_page.get(second).status_code == 200

    @pytest.mark.parametrize(
        ("error", "words"), [(OSError("disk"), "did not take it"), (KeyError("x"), "log says why")]
    )
    def test_a_failure(self, admin_page, engine, alice, at_once, monkeypatch, error, words):
        def fail(*arguments, **options):
            raise error

        monkeypatch.setattr("sipadmin.import_jobs.import_rows", fail)
        assert words in upload(admin_page, alice.domain, self.TABLE).content.decode()

    def test_engine_down(self, admin_page, alice, at_once):
        job = upload(admin_page, alice.domain, self.TABLE).redirect_chain[0][0]
        assert "will apply at next start" in admin_page.post(job, {"do": "import"}, follow=True).content.decode()
