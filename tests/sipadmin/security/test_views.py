"""The page Security."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from sipadmin.environment import Sipadmin
from sipadmin.security import overview, views
from sipadmin.security.models import Ban
from tests.console import HOSTILE, bind

pytestmark = pytest.mark.django_db
MALLORY = "198.51.100.66"
NOW = 1_700_000_000.0


@pytest.fixture
def ban(db):
    evidence = [{"at": NOW, "kind": "wrong-password", "detail": HOSTILE, "points": 2.0}]
    return Ban.objects.create(source=MALLORY, reason="10 x wrong password", evidence=evidence, score=20)


@pytest.fixture
def known(engine, monkeypatch):
    """What the engine answers to the page."""
    facts = {
        "counts": {"wrong_password": 7},
        "passed_over": {MALLORY: 4711},
        "sources": [
            {
                "source": "203.0.113.5", "score": 8.0, "limit": 20.0, "failures": 12, "first_at": NOW, "last_at": NOW,
                "names": ["bob", HOSTILE], "good_users": 0, "exempt": "", "evidence": [],
            }
        ],
        "locked": [{"source": "203.0.113.5", "realm": "example.org", "user": "bob", "until": NOW + 60}],
        "floods": [{"source": "203.0.113.6", "first_at": NOW, "last_at": NOW, "messages": 99}],
    }  # fmt: skip

    def command(name, **arguments):
        engine(name, **arguments)
        return facts if name == "security" else {}

    for module in (views, overview):
        monkeypatch.setattr(module, "engine_command", command)
    return facts


def text_of(page, address="/security/"):
    response = page.get(address)
    assert response.status_code == 200
    return response.content.decode()


def test_it_works(admin_page, ban, known, bob):
    bind(bob, received_from=f"{MALLORY}:5060")
    text = text_of(admin_page)
    for part in (MALLORY, "10 x wrong password", "1 registered user", "4711", "203.0.113.5", "8 of 20", "203.0.113.6"):
        assert part in text
    assert "<script>alert" not in text
    assert "&lt;script&gt;" in text


def test_the_evidence_of_one_ban(operator_page, ban):
    text = text_of(operator_page, f"/security/bans/{ban.pk}/")
    assert "wrong password" in text
    assert "<script>alert" not in text
    assert "Undo" not in text


def test_what_its_script_asks_for(operator_page, ban, known):
    facts = operator_page.get("/security/now/").json()
    [shown] = facts["bans"]
    assert (shown["id"], shown["source"], shown["passed_over"], shown["expires_at"]) == (ban.pk, MALLORY, 4711, None)
    assert facts["sources"][0]["points"] == "8 of 20"
    assert facts["counts"] == {"wrong_password": 7}


def test_many_long_names_are_cut(known):
    known["sources"][0]["names"] = ["x" * 50, *"abcde"]
    assert overview.overview()["sources"][0]["names"] == f"{'x' * 40}…, a, b, c, d and more"


def test_nothing_suspicious(admin_page, engine):
    assert "Nothing suspicious" in text_of(admin_page)


def test_without_an_engine(admin_page, ban, engine):
    engine.is_up = False
    text = text_of(admin_page)
    assert "not running" in text
    assert MALLORY in text


def test_past_bans(admin_page, ban, engine):
    Ban.objects.update(lifted_at=timezone.now(), lifted_by="ada")
    Ban.objects.create(source="203.0.113.8", expires_at=timezone.now() - timedelta(hours=1))
    text = text_of(admin_page)
    assert "undone by ada" in text
    assert "203.0.113.8" in text
    assert "Nobody is banned" in text


class TestBanning:
    def test_by_hand(self, admin_page, engine):
        page = admin_page.post("/security/", {"source": MALLORY, "hours": "24", "reason": "guesses"}, follow=True)
        assert "is banned. Active now" in page.content.decode()
        ban = Ban.objects.get()
        assert (ban.source, ban.reason, ban.made_by) == (MALLORY, "guesses", "ada")
        assert timedelta(hours=23) < ban.expires_at - timezone.now() <= timedelta(hours=24)

    def test_until_it_is_undone(self, admin_page, engine):
        admin_page.post("/security/", {"source": MALLORY, "hours": "0"})
        assert Ban.objects.get().expires_at is None

    def test_it_asks_before_it_cuts_off_users(self, admin_page, engine, bob):
        bind(bob, received_from=f"{MALLORY}:5060")
        entries = {"source": MALLORY, "hours": "1", "reason": "loud"}
        text = admin_page.post("/security/", entries).content.decode()
        assert "There is 1 registered user behind this address" in text
        assert not Ban.objects.exists()
        admin_page.post("/security/", {**entries, "sure": "yes"})
        assert Ban.objects.get().reason == "loud"

    @pytest.mark.parametrize("source", ["", "nobody", "0.0.0.0/0", "x" * 65])
    def test_what_cannot_be_banned(self, admin_page, engine, source):
        response = admin_page.post("/security/", {"source": source, "hours": "1"})
        assert response.status_code == 422
        assert not Ban.objects.exists()

    def test_a_source_from_the_list_is_entered_already(self, admin_page, engine):
        assert 'value="203.0.113.5"' in text_of(admin_page, "/security/?source=203.0.113.5")


class TestUndoing:
    def test_it_works(self, admin_page, ban, engine):
        page = admin_page.post(f"/security/bans/{ban.pk}/lift/", follow=True)
        assert "banned no more. Active now" in page.content.decode()
        ban.refresh_from_db()
        assert (ban.is_in_force, ban.lifted_by) == (False, "ada")

    def test_twice(self, admin_page, ban, engine):
        admin_page.post(f"/security/bans/{ban.pk}/lift/")
        page = admin_page.post(f"/security/bans/{ban.pk}/lift/", follow=True)
        assert "over already" in page.content.decode()

    def test_unknown(self, admin_page, engine):
        assert admin_page.post("/security/bans/4711/lift/").status_code == 404
        assert admin_page.get("/security/bans/4711/").status_code == 404

    def test_forgetting_failures(self, admin_page, known, engine):
        page = admin_page.post("/security/forgive/", {"source": "203.0.113.5"}, follow=True)
        assert "Nothing is held against 203.0.113.5" in page.content.decode()
        assert ("forgive", {"source": "203.0.113.5"}) in engine.commands

    def test_forgetting_without_an_engine(self, admin_page, engine):
        engine.is_up = False
        page = admin_page.post("/security/forgive/", {"source": "203.0.113.5"}, follow=True)
        assert "Nothing was forgotten" in page.content.decode()


class TestOperators:
    ACTS = ("/security/", "/security/forgive/", "/security/bans/{}/lift/")

    def test_they_only_read(self, operator_page, ban, known):
        text = text_of(operator_page)
        assert MALLORY in text
        assert "Ban by hand" not in text
        assert "Undo" not in text
        for address in self.ACTS:
            assert operator_page.post(address.format(ban.pk), {"source": "203.0.113.5"}).status_code == 403

    def test_unless_the_servers_owner_lets_them(self, operator_page, ban, engine, settings):
        settings.SIPADMIN = Sipadmin({"SIPADMIN_OPERATORS_ACT": "1"})
        assert "Ban by hand" in text_of(operator_page)
        for address in self.ACTS:
            response = operator_page.post(address.format(ban.pk), {"source": "203.0.113.5", "hours": "1"})
            assert response.status_code == 302
        assert Ban.objects.in_force().get().source == "203.0.113.5"


def test_strangers_are_sent_to_the_login(client, ban):
    for address in ("/security/", f"/security/bans/{ban.pk}/"):
        assert client.get(address).headers["Location"].startswith("/login/")
    assert client.post(f"/security/bans/{ban.pk}/lift/").headers["Location"].startswith("/login/")
    ban.refresh_from_db()
    assert ban.is_in_force
