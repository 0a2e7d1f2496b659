"""Login, set-up links, API tokens."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from sipadmin.accounts.models import RATE_LIMIT, ApiToken, SetupLink
from sipadmin.accounts.setup_links import make_setup_link
from sipadmin.accounts.tokens import find_token, hash_secret, issue_token

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"


class TestLogin:
    def test_it_works(self, administrator):
        client = Client()
        assert "Log in" in client.get("/login/").content.decode()
        response = client.post("/login/?next=/users/", {"username": "ada", "password": PASSWORD, "next": "/users/"})
        assert response.headers["Location"] == "/users/"
        assert client.get("/users/").status_code == 200

    def test_wrong_password(self, administrator):
        response = Client().post("/login/", {"username": "ada", "password": "wrong"})
        assert "do not belong together" in response.content.decode()

    def test_disabled_account(self, administrator):
        administrator.is_active = False
        administrator.save()
        assert (
            "do not belong together"
            in Client().post("/login/", {"username": "ada", "password": PASSWORD}).content.decode()
        )

    def test_no_redirect_to_other_sites(self, administrator):
        response = Client().post("/login/", {"username": "ada", "password": PASSWORD, "next": "https://example.com/"})
        assert response.headers["Location"] == "/"

    def test_csrf(self, administrator):
        client = Client(enforce_csrf_checks=True)
        assert client.post("/login/", {"username": "ada", "password": PASSWORD}).status_code == 403

    def test_session_changes_at_login(self, administrator):
        client = Client()
        client.get("/login/")
        client.post("/login/", {"username": "ada", "password": PASSWORD})
        first = client.cookies["sessionid"]
        assert first["httponly"]
        assert first["samesite"] == "Lax"

    def test_logout(self, admin_page):
        assert admin_page.get("/logout/").status_code == 405
        admin_page.post("/logout/")
        assert admin_page.get("/").status_code == 302

    def test_old_sessions_die_with_the_password(self, admin_page, administrator):
        administrator.set_password("something else entirely")
        administrator.save()
        assert admin_page.get("/").status_code == 302


class TestSetup:
    ENTRIES = {"username": "root-lady", "password": PASSWORD, "again": PASSWORD}

    def test_it_works(self):
        client, link = Client(), make_setup_link()
        assert client.get(f"/setup/{link}").status_code == 200
        response = client.post(f"/setup/{link}", self.ENTRIES)
        assert response.headers["Location"] == "/welcome/"
        assert get_user_model().objects.get(username="root-lady").is_superuser
        assert client.get("/").status_code == 200

    def test_kept_as_a_hash_only(self):
        link = make_setup_link()
        row = SetupLink.objects.get()
        assert link not in (row.token_hash, str(row))

    @pytest.fixture
    def bad_links(self):
        used, expired = make_setup_link(), None
        SetupLink.objects.update(used_at=timezone.now())
        old = SetupLink.objects.get()
        expired = "e" * 43
        from sipadmin.accounts.setup_links import hash_link

        SetupLink.objects.create(token_hash=hash_link(expired), expires_at=timezone.now() - timedelta(seconds=1))
        assert old.used_at
        return [used, expired, "invented", "x" * 200, "%00", "%ff"]

    def test_bad_links_all_look_the_same(self, bad_links):
        client = Client()
        answers = {client.get(f"/setup/{link}").content for link in bad_links}
        assert len(answers) == 1
        assert b"This link does not work" in answers.pop()
        for link in bad_links:
            assert client.post(f"/setup/{link}", self.ENTRIES).status_code == 404
        assert not get_user_model().objects.exists()

    def test_one_use(self):
        link = make_setup_link()
        Client().post(f"/setup/{link}", self.ENTRIES)
        assert Client().post(f"/setup/{link}", {**self.ENTRIES, "username": "mallory"}).status_code == 404

    def test_sixty_minutes(self):
        link = make_setup_link(now=timezone.now() - timedelta(minutes=61))
        assert Client().get(f"/setup/{link}").status_code == 404

    def test_a_new_link_ends_the_old_one(self):
        old = make_setup_link()
        make_setup_link()
        assert Client().get(f"/setup/{old}").status_code == 404

    @pytest.mark.parametrize(
        ("more", "sentence"),
        [
            ({"again": "different"}, "differ"),
            ({"password": "short", "again": "short"}, "too short"),
            ({"password": "password1", "again": "password1"}, "too common"),
            ({"username": "ada"}, "already an account"),
            ({"username": "a b"}, "valid username"),
            ({"username": ""}, "required"),
        ],
    )
    def test_refusals_keep_the_link(self, administrator, more, sentence):
        link = make_setup_link()
        response = Client().post(f"/setup/{link}", {**self.ENTRIES, **more})
        assert response.status_code == 422
        assert sentence in response.content.decode()
        assert Client().get(f"/setup/{link}").status_code == 200


class TestTokens:
    def test_it_works(self, admin_page, administrator):
        response = admin_page.post("/tokens/", {"name": "script", "scopes": ["users:read"]})
        text = re.search(r"sipa_[0-9a-f]{16}\.[\w-]{43}", response.content.decode())[0]
        token = find_token(text)
        assert (token.name, token.scopes, token.owner) == ("script", ["users:read"], administrator)
        assert token.secret_hash == hash_secret(text.partition(".")[2])
        assert text not in admin_page.get("/tokens/").content.decode()
        assert "no-store" in response.headers["Cache-Control"]

    def test_where_and_how_often(self, admin_page):
        entered = {"name": "script", "networks": "192.0.2.7/24,\n2001:db8::/32", "rate_limit": "60"}
        assert "sipa_" in admin_page.post("/tokens/", entered).content.decode()
        token = ApiToken.objects.get()
        assert (token.networks, token.rate_limit) == (["192.0.2.0/24", "2001:db8::/32"], 60)
        text = admin_page.get("/tokens/").content.decode()
        assert "<code>2001:db8::/32</code>" in text
        assert "60/min" in text

    def test_anywhere_and_as_often_as_others(self, admin_page):
        admin_page.post("/tokens/", {"name": "script"})
        assert ApiToken.objects.values_list("networks", "rate_limit").get() == ([], RATE_LIMIT)

    def test_revoking(self, admin_page):
        token, _ = issue_token("script")
        admin_page.post(f"/tokens/{token.pk}/revoke/")
        token.refresh_from_db()
        assert token.is_revoked
        assert admin_page.post(f"/tokens/{token.pk}/revoke/").status_code == 404

    @pytest.mark.parametrize(
        ("entered", "sentence"),
        [
            ({"name": ""}, "required"),
            ({"name": "taken"}, "already a token"),
            ({"name": "x", "scopes": ["world:domination"]}, "not one of the available choices"),
            ({"name": "x", "expires_at": "2001-01-01T00:00"}, "has passed"),
            ({"name": "x", "expires_at": "tomorrow"}, "valid date"),
            ({"name": "x", "networks": "192.0.2.0/24 here"}, "&#x27;here&#x27; is not a network"),
            ({"name": "x", "networks": "192.0.2.1 " * 51}, "51 networks are too many"),
            ({"name": "x", "rate_limit": "0"}, "greater than or equal to 1"),
            ({"name": "x", "rate_limit": "1000001"}, "less than or equal to 1000000"),
        ],
    )
    def test_refusals(self, admin_page, entered, sentence):
        issue_token("taken")
        response = admin_page.post("/tokens/", entered)
        assert response.status_code == 422
        assert sentence in response.content.decode()
        assert ApiToken.objects.count() == 1


class TestOwnAccount:
    def test_a_new_password(self, operator_page, operator):
        answer = operator_page.post(
            "/account/",
            {
                "old_password": "correct horse battery",
                "new_password1": "staple staple staple",
                "new_password2": "staple staple staple",
            },
        )
        assert answer.status_code == 302
        operator.refresh_from_db()
        assert operator.check_password("staple staple staple")
        assert operator_page.get("/account/").status_code == 200

    def test_the_old_password_is_asked(self, operator_page, operator):
        form = {
            "old_password": "wrong",
            "new_password1": "staple staple staple",
            "new_password2": "staple staple staple",
        }
        assert operator_page.post("/account/", form).status_code == 200
        operator.refresh_from_db()
        assert operator.check_password("correct horse battery")
