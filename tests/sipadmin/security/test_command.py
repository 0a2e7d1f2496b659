"""manage.py ban"""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command

from sipadmin.security.models import Ban
from tests.console import bind

pytestmark = pytest.mark.django_db
MALLORY = "198.51.100.66"


def test_it_works(capsys, bob):
    bind(bob, received_from=f"{MALLORY}:5060")
    call_command("ban", MALLORY, hours=1, reason="guesses")
    assert "1 registered user behind it" in capsys.readouterr().out
    ban = Ban.objects.get()
    assert (ban.source, ban.reason) == (MALLORY, "guesses")
    assert ban.made_by.startswith("command ")
    call_command("ban")
    assert f"{MALLORY}  until " in capsys.readouterr().out
    call_command("ban", MALLORY, undo=True)
    assert "banned no more" in capsys.readouterr().out
    assert not Ban.objects.in_force().exists()
    call_command("ban")
    assert capsys.readouterr().out == ""


def test_until_it_is_undone(capsys):
    call_command("ban", "2001:db8::9")
    call_command("ban")
    assert "2001:db8::/64  until it is undone" in capsys.readouterr().out
    call_command("ban", "2001:db8::7", undo=True)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"source": "nobody"}, "neither an address nor a network"),
        ({"source": "nobody", "undo": True}, "neither an address nor a network"),
        ({"source": MALLORY, "undo": True}, "is not banned"),
    ],
)
def test_refusals(options, sentence):
    with pytest.raises(CommandError, match=sentence):
        call_command("ban", **options)
