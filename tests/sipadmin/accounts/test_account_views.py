"""Accounts of the console, and the lock after wrong passwords."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from sipadmin.accounts import second_factor

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"
NEW = {"username": "olga", "role": "operator", "password": "staple staple staple", "enabled": "on"}


def account(name: str):
    return get_user_model().objects.filter(username=name).first()


class TestAccounts:
    def test_it_works(self, admin_page):
        assert admin_page.post("/system/accounts/", NEW).status_code == 302
        assert not account("olga").is_superuser
        assert "olga" in admin_page.get("/system/accounts/").content.decode()
        assert Client().post("/login/", NEW).status_code == 302

    @pytest.mark.parametrize(
        "wrong", [{"username": "ADA"}, {"password": "short"}, {"role": "god"}, {"username": "a b"}]
    )
    def test_refused(self, admin_page, wrong):
        assert admin_page.post("/system/accounts/", {**NEW, **wrong}).status_code == 422
        assert account("olga") is None

    def test_a_role_changes_at_once(self, admin_page, operator, operator_page):
        place = f"/system/accounts/{operator.pk}/"
        admin_page.post(place, {"role": "administrator", "enabled": "on", "password": ""})
        assert operator_page.get("/system/accounts/").status_code == 200
        admin_page.post(place, {"role": "operator", "enabled": "on", "password": ""})
        assert operator_page.get("/system/accounts/").status_code == 403

    def test_disabling_ends_the_session(self, admin_page, operator, operator_page):
        admin_page.post(f"/system/accounts/{operator.pk}/", {"role": "operator", "password": ""})
        assert operator_page.get("/").status_code == 302

    def test_a_new_password_of_ones_own_keeps_the_session(self, admin_page, administrator):
        form = {"role": "administrator", "enabled": "on", "password": "staple staple staple"}
        admin_page.post(f"/system/accounts/{administrator.pk}/", form)
        administrator.refresh_from_db()
        assert administrator.check_password("staple staple staple")
        assert admin_page.get("/system/accounts/").status_code == 200

    @pytest.mark.parametrize("form", [{"role": "operator", "enabled": "on"}, {"role": "administrator"}])
    def test_the_last_administrator_stays(self, admin_page, administrator, form):
        answer = admin_page.post(f"/system/accounts/{administrator.pk}/", {**form, "password": ""})
        assert "last administrator" in answer.content.decode()

    def test_deleting(self, admin_page, administrator, operator):
        admin_page.post(f"/system/accounts/{operator.pk}/", {"do": "delete"})
        assert account("oscar") is None
        admin_page.post(f"/system/accounts/{administrator.pk}/", {"do": "delete"})
        assert account("ada") is not None

    def test_taking_a_second_factor_away(self, admin_page, operator):
        device = second_factor.new_device(operator)
        device.confirmed = True
        device.save()
        assert "Take it away" in admin_page.get(f"/system/accounts/{operator.pk}/").content.decode()
        admin_page.post(f"/system/accounts/{operator.pk}/", {"do": "reset-factor"})
        assert not second_factor.has_second_factor(operator)


class TestLock:
    """Who guesses waits; who is guessed at from elsewhere does not."""

    def guess(self, times: int, name: str = "oscar", **extra) -> int:
        answers = [Client().post("/login/", {"username": name, "password": "wrong"}, **extra) for _ in range(times)]
        return answers[-1].status_code

    def test_after_five_wrong_passwords(self, operator, settings):
        assert self.guess(settings.AXES_FAILURE_LIMIT - 1) == 200
        assert self.guess(1) == 429
        answer = Client().post("/login/", {"username": "oscar", "password": PASSWORD})
        assert answer.status_code == 429
        assert "cannot log in from here for 15 minutes" in answer.content.decode()

    def test_not_for_others(self, operator, administrator, settings):
        self.guess(settings.AXES_FAILURE_LIMIT)
        assert Client().post("/login/", {"username": "ada", "password": PASSWORD}).status_code == 302

    def test_not_from_elsewhere(self, operator, settings):
        self.guess(settings.AXES_FAILURE_LIMIT, REMOTE_ADDR="192.0.2.66")
        assert Client().post("/login/", {"username": "oscar", "password": PASSWORD}).status_code == 302

    def test_an_administrator_lifts_it(self, admin_page, operator, settings):
        self.guess(settings.AXES_FAILURE_LIMIT)
        assert "locked" in admin_page.get("/system/accounts/").content.decode()
        admin_page.post(f"/system/accounts/{operator.pk}/", {"do": "unlock"})
        assert Client().post("/login/", {"username": "oscar", "password": PASSWORD}).status_code == 302

    def test_a_right_password_starts_anew(self, operator, settings):
        self.guess(settings.AXES_FAILURE_LIMIT - 1)
        Client().post("/login/", {"username": "oscar", "password": PASSWORD})
        assert self.guess(settings.AXES_FAILURE_LIMIT - 1) == 200
