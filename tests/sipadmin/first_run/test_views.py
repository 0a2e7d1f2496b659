"""The first run, question by question."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse

from registrar.models import Domain, SipUser
from sipadmin.accounts.setup_links import make_setup_link
from sipadmin.environment import HostPort
from sipadmin.first_run import listening
from tests.console import bind

pytestmark = pytest.mark.django_db


@pytest.fixture
def addresses(monkeypatch):
    monkeypatch.setattr(listening, "network_addresses", lambda: ["192.0.2.7"])


def test_the_set_up_link_leads_there(client, engine):
    link = f"/setup/{make_setup_link()}"
    form = {"username": "ada", "password": "correct horse battery", "again": "correct horse battery"}
    assert client.post(link, form).headers["Location"] == "/welcome/"
    assert get_user_model().objects.get().is_superuser
    assert client.get("/welcome/").headers["Location"] == "/welcome/reach/"


def test_the_next_open_question(admin_page, engine):
    Domain.objects.create(name="example.org")
    assert admin_page.get("/welcome/").headers["Location"] == "/welcome/user/"


def test_and_then_the_phone(admin_page, engine, alice):
    assert admin_page.get("/welcome/").headers["Location"] == f"/users/{alice.pk}/connect/"


class TestReach:
    def test_it_works(self, admin_page, engine, addresses, monkeypatch):
        moved = []
        monkeypatch.setattr(listening, "change", moved.append)
        answer = admin_page.post("/welcome/reach/", {"reach": "network", "addresses": ["192.0.2.7"], "port": "5060"})
        assert answer.status_code == 302
        assert moved == [[HostPort("127.0.0.1", 5060), HostPort("192.0.2.7", 5060)]]

    def test_as_it_is_already(self, admin_page, engine, addresses, monkeypatch):
        monkeypatch.setattr(listening, "change", lambda wanted: pytest.fail("nothing to change"))
        assert admin_page.post("/welcome/reach/", {"reach": "machine", "port": "5060"}).status_code == 302

    def test_an_address_is_needed(self, admin_page, engine, addresses):
        answer = admin_page.post("/welcome/reach/", {"reach": "network", "port": "5060"})
        assert answer.status_code == 422
        assert "Tick at least one." in answer.content.decode()

    def test_somebody_elses_address(self, admin_page, engine, addresses):
        answer = admin_page.post("/welcome/reach/", {"reach": "network", "addresses": ["192.0.2.8"], "port": "5060"})
        assert answer.status_code == 422

    def test_no_network(self, admin_page, engine, monkeypatch):
        monkeypatch.setattr(listening, "network_addresses", list)
        answer = admin_page.post("/welcome/reach/", {"reach": "network", "port": "5060"})
        assert "no address on a network" in answer.content.decode()

    def test_a_busy_port(self, admin_page, engine, addresses, monkeypatch):
        def change(wanted):
            raise listening.CannotListen("port 5060 (udp) is busy")

        monkeypatch.setattr(listening, "change", change)
        answer = admin_page.post("/welcome/reach/", {"reach": "network", "addresses": ["192.0.2.7"], "port": "5060"})
        assert "port 5060 (udp) is busy" in answer.content.decode()

    def test_fixed_by_a_flag(self, admin_page, engine, addresses, monkeypatch):
        monkeypatch.setenv("SIPADMIN_SIP", "127.0.0.1:5060")
        assert "stays in force" in admin_page.get("/welcome/reach/").content.decode()
        monkeypatch.setattr(listening, "change", lambda wanted: pytest.fail("it is fixed"))
        admin_page.post("/welcome/reach/", {"reach": "network", "addresses": ["192.0.2.7"], "port": "5060"})

    def test_engine_down(self, admin_page, addresses):
        assert "does not answer" in admin_page.get("/welcome/reach/").content.decode()


class TestDomain:
    def test_it_works(self, admin_page, engine):
        assert admin_page.post("/welcome/domain/", {"name": "SIP.local"}).status_code == 302
        assert Domain.objects.get().name == "sip.local"

    @pytest.mark.parametrize("name", ["example.org", "no such host", ""])
    def test_refused(self, admin_page, engine, domain, name):
        assert admin_page.post("/welcome/domain/", {"name": name}).status_code == 422
        assert admin_page.get("/welcome/domain/").status_code == 200


class TestUser:
    def test_the_password_is_shown_once(self, admin_page, engine, domain):
        text = admin_page.post("/welcome/user/", {"username": "alice"}).content.decode()
        user = SipUser.objects.get()
        password = text.partition('id="copy-password">')[2].partition("<")[0]
        assert len(password) > 20
        twin = SipUser(domain=domain, username="alice")
        twin.set_password(password)
        assert twin.ha1_md5 == user.ha1_md5
        assert password not in admin_page.get(reverse("connect", args=[user.pk])).content.decode()

    def test_without_a_domain(self, admin_page, engine):
        assert admin_page.get("/welcome/user/").headers["Location"] == "/welcome/domain/"

    @pytest.mark.parametrize("name", ["bob", "with space", ""])
    def test_refused(self, admin_page, engine, domain, bob, name):
        assert admin_page.post("/welcome/user/", {"username": name}).status_code == 422


class TestConnect:
    def test_what_to_type(self, admin_page, engine, alice):
        text = admin_page.get(reverse("connect", args=[alice.pk])).content.decode()
        for word in ("alice", "example.org", "127.0.0.1", 'data-connect-state="waiting"', "this machine only"):
            assert word in text

    def test_registered_already(self, admin_page, engine, alice):
        bind(alice)
        assert 'data-connect-state="registered"' in admin_page.get(reverse("connect", args=[alice.pk])).content.decode()

    def test_another_password(self, admin_page, engine, alice):
        before = alice.ha1_md5
        answer = admin_page.post(reverse("connect", args=[alice.pk]))
        alice.refresh_from_db()
        assert alice.ha1_md5 != before
        assert "no-store" in answer.headers["Cache-Control"]

    def test_engine_down(self, admin_page, alice):
        assert "Phones cannot register" in admin_page.get(reverse("connect", args=[alice.pk])).content.decode()
