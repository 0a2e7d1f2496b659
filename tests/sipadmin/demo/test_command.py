"""manage.py demo: what it refuses."""

from typing import Any

import pytest
from django.core.management import CommandError, call_command

from registrar.models import Domain
from sipadmin.demo.accounts import fill
from sipadmin.environment import HostPort
from tests.end_to_end.programs import free_port

pytestmark = pytest.mark.django_db


def test_says_how_to_start_the_server_when_it_does_not_run(settings: Any, tmp_path: Any) -> None:
    settings.DATA_DIR = tmp_path
    with pytest.raises(CommandError, match=r"python3 manage\.py up"):
        call_command("demo")
    assert not Domain.objects.exists()


def test_says_so_when_nobody_answers_at_the_address_given() -> None:
    nobody = str(HostPort("127.0.0.1", free_port()))
    with pytest.raises(CommandError, match="nobody answers"):
        call_command("demo", "--once", "--sip", nobody)


@pytest.mark.parametrize("rate", ["0", "-3", "100000"])
def test_refuses_an_impossible_rate(rate: str) -> None:
    with pytest.raises(CommandError, match="calls-per-minute"):
        call_command("demo", "--calls-per-minute", rate)


def test_refuses_an_address_that_is_none() -> None:
    with pytest.raises(CommandError, match="HOST:PORT"):
        call_command("demo", "--sip", "here")


def test_removes_what_it_made(capsys: pytest.CaptureFixture[str]) -> None:
    fill("demo.example.org")
    call_command("demo", "--remove", "--domain", "demo.example.org")
    assert "20 users" in capsys.readouterr().out
    assert not Domain.objects.exists()
