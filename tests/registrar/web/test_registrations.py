"""Live registrations and removing a contact."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from sipadmin.environment import Sipadmin
from tests.console import bind

pytestmark = pytest.mark.django_db


def test_it_works(admin_page, alice, bob):
    bind(bob, 1, q=0.5)
    bind(bob, 2, q=1.0, registered_by=alice.aor)
    text = admin_page.get("/registrations/").content.decode()
    assert text.count('data-aor="sip:bob@example.org"') == 1
    assert 'rowspan="2"' in text
    assert text.index("bob@192.0.2.2:5060") < text.index("bob@192.0.2.1:5060")
    assert "registered by alice@example.org" in text
    assert "59 m" in text
    assert "Desk phone 3" in text


def test_expired_contacts_are_not_shown(admin_page, bob):
    bind(bob, expires_at=timezone.now() - timedelta(seconds=1))
    assert "No phone yet" in admin_page.get("/registrations/").content.decode()


@pytest.mark.parametrize("text", ["bob", "192.0.2.2", "bob@example.org", "desk"])
def test_filter(admin_page, alice, bob, text):
    bind(alice, 1, user_agent="Softphone")
    bind(bob, 2)
    found = admin_page.get("/registrations/", {"q": text}).content.decode()
    assert "bob@192.0.2.2" in found
    assert "alice@192.0.2.1" not in found


class TestRemoval:
    def test_it_works(self, admin_page, bob, engine):
        binding = bind(bob)
        page = admin_page.post(f"/registrations/{binding.pk}/remove/", follow=True)
        assert ("remove_binding", {"id": binding.pk}) in engine.commands
        assert "Removed a contact of bob@example.org" in page.content.decode()

    def test_engine_down(self, admin_page, bob, engine):
        engine.is_up = False
        binding = bind(bob)
        page = admin_page.post(f"/registrations/{binding.pk}/remove/", follow=True)
        assert "The contact is still there." in page.content.decode()

    def test_gone_already(self, admin_page, engine):
        page = admin_page.post("/registrations/17/remove/", follow=True)
        assert "gone already" in page.content.decode()
        assert not [name for name, _ in engine.commands if name == "remove_binding"]

    def test_operators_may_not(self, operator_page, bob, engine):
        binding = bind(bob)
        assert operator_page.post(f"/registrations/{binding.pk}/remove/").status_code == 403
        assert not engine.commands

    def test_unless_the_servers_owner_lets_them(self, operator_page, bob, engine, settings):
        settings.SIPADMIN = Sipadmin({"SIPADMIN_OPERATORS_ACT": "1"})
        binding = bind(bob)
        assert "/remove/" in operator_page.get("/registrations/").content.decode()
        assert operator_page.post(f"/registrations/{binding.pk}/remove/").status_code == 302
        assert engine.commands == [("remove_binding", {"id": binding.pk})]
        assert operator_page.delete(f"/api/v1/bindings/{binding.pk}/").status_code == 204
        assert operator_page.delete("/api/v1/users/bob@example.org/").status_code == 403

    def test_operators_see_no_button(self, operator_page, bob):
        bind(bob)
        assert "/remove/" not in operator_page.get("/registrations/").content.decode()
