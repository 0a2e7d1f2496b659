"""The second factor: set-up, logging in with it, recovery codes, and what happens to guesses."""

from __future__ import annotations

import re
import time

import pytest
from django.test import Client
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice

from sipadmin.accounts import login_views, second_factor
from sipadmin.models import AuditEntry

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"


def code_of(device: TOTPDevice, steps: int = 0) -> str:
    """What the app shows; ``steps`` of half a minute later."""
    totp = TOTP(device.bin_key, device.step, device.t0, device.digits)
    totp.time = time.time() + 30 * steps
    return f"{totp.token():06}"


@pytest.fixture
def device(operator) -> TOTPDevice:
    """Of an operator who has the factor on."""
    found = second_factor.new_device(operator)
    assert second_factor.confirm(found, code_of(found, -1)) is not None
    return found


def log_in(password: str = PASSWORD) -> Client:
    client = Client()
    client.post("/login/?next=/users/", {"username": "oscar", "password": password, "next": "/users/"})
    return client


class TestSetUp:
    def test_it_works(self, operator_page, operator):
        text = operator_page.get("/account/second-factor/").content.decode()
        device = TOTPDevice.objects.get()
        assert "<svg" in text
        assert second_factor.secret_text(device) in text
        assert not second_factor.has_second_factor(operator)
        text = operator_page.post("/account/second-factor/", {"code": code_of(device)}).content.decode()
        assert len(set(re.findall(r"<code>([a-z2-9]{5}-[a-z2-9]{5})</code>", text))) == second_factor.RECOVERY_CODES
        assert second_factor.has_second_factor(operator)
        assert AuditEntry.objects.filter(subject="oscar", changes={"second_factor": ["off", "on"]}).exists()

    def test_a_wrong_code(self, operator_page, operator):
        operator_page.get("/account/second-factor/")
        assert operator_page.post("/account/second-factor/", {"code": "000000"}).status_code == 422
        assert not second_factor.has_second_factor(operator)

    def test_out_of_turn(self, operator_page, device):
        assert operator_page.get("/account/second-factor/").status_code == 302
        assert operator_page.post("/account/second-factor/", {"code": "1"}).status_code == 302


class TestLogin:
    def test_it_works(self, device):
        client = log_in()
        assert client.get("/users/").status_code == 302
        assert "One more step" in client.get("/login/code/").content.decode()
        answer = client.post("/login/code/", {"code": code_of(device)})
        assert answer.headers["Location"] == "/users/"
        assert client.get("/users/").status_code == 200

    def test_the_password_alone_opens_nothing(self, device):
        client = log_in()
        for place in ("/", "/api/v1/domains/", "/account/"):
            assert client.get(place).status_code in (302, 401), place

    def test_a_recovery_code_works_once(self, operator, device):
        [code, *_] = second_factor.make_recovery_codes(operator)
        assert log_in().post("/login/code/", {"code": code.upper()}).headers["Location"] == "/users/"
        assert second_factor.codes_left(operator) == second_factor.RECOVERY_CODES - 1
        assert log_in().post("/login/code/", {"code": code}).status_code == 422

    def test_a_code_works_once(self, device):
        code = code_of(device)
        assert log_in().post("/login/code/", {"code": code}).status_code == 302
        assert log_in().post("/login/code/", {"code": code}).status_code == 422

    def test_guessing_ends_with_the_password(self, device):
        client = log_in()
        for _ in range(login_views.MOST_CODES - 1):
            assert client.post("/login/code/", {"code": "000000"}).status_code == 422
        assert client.post("/login/code/", {"code": "000000"}).status_code == 429
        assert client.get("/login/code/").headers["Location"] == "/login/"

    def test_guesses_count_against_the_name(self, device):
        client = log_in()
        for _ in range(login_views.MOST_CODES):
            client.post("/login/code/", {"code": "000000"})
        assert Client().post("/login/", {"username": "oscar", "password": PASSWORD}).status_code == 429

    def test_waiting_too_long(self, device, monkeypatch):
        client = log_in()
        monkeypatch.setattr(login_views, "CODE_INTERVAL", -1.0)
        assert client.post("/login/code/", {"code": code_of(device)}).headers["Location"] == "/login/"

    def test_another_password_meanwhile(self, operator, device):
        client = log_in()
        operator.set_password("something else entirely")
        operator.save()
        assert client.post("/login/code/", {"code": code_of(device)}).headers["Location"] == "/login/"

    def test_no_redirect_to_other_sites(self, device):
        client = Client()
        client.post("/login/", {"username": "oscar", "password": PASSWORD, "next": "https://example.com/"})
        assert client.post("/login/code/", {"code": code_of(device)}).headers["Location"] == "/"


class TestChange:
    def test_new_codes(self, operator_page, operator, device):
        [old, *_] = second_factor.make_recovery_codes(operator)
        answer = operator_page.post("/account/second-factor/change/", {"password": PASSWORD, "do": "codes"})
        assert "Keep these" in answer.content.decode()
        assert not second_factor.check(operator, old)

    @pytest.mark.parametrize("do", ["off", "codes"])
    def test_without_a_factor_there_is_nothing_to_change(self, operator_page, operator, do):
        answer = operator_page.post("/account/second-factor/change/", {"password": PASSWORD, "do": do})
        assert (answer.status_code, answer.headers["Location"]) == (302, "/account/")
        assert second_factor.codes_left(operator) == 0
        assert not AuditEntry.objects.filter(subject="oscar", action="account.changed").exists()

    def test_off(self, operator_page, operator, device):
        operator_page.post("/account/second-factor/change/", {"password": PASSWORD, "do": "off"})
        assert not second_factor.has_second_factor(operator)
        assert log_in().get("/users/").status_code == 200

    def test_the_password_is_asked(self, operator_page, operator, device):
        answer = operator_page.post("/account/second-factor/change/", {"password": "wrong", "do": "off"})
        assert answer.status_code == 422
        assert second_factor.has_second_factor(operator)

    def test_the_page(self, operator_page, device):
        assert operator_page.get("/account/second-factor/change/").status_code == 200
