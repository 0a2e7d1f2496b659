"""The first steps of a decision record."""

from __future__ import annotations

import pytest

from proxy.choices import Policy
from proxy.core.admission_steps import elsewhere, proven, recipient_steps, stranger, unasked
from proxy.core.facts import SERVER_DEFAULT, Recipient
from proxy.core.rules import Match, Rule
from sip.message.uri import Uri
from tests.proxy.scene import ADomain, AUser

DOMAIN = ADomain(1, "example.org")
BOB = AUser(1, "bob", DOMAIN, "secret")


@pytest.mark.parametrize(("count", "words"), [(0, "no contact"), (1, "1 contact"), (3, "3 contacts")])
def test_recipient(count: int, words: str) -> None:
    steps = recipient_steps(Recipient(DOMAIN, BOB, "bob", SERVER_DEFAULT, [None] * count))  # type: ignore[list-item]
    assert [step.text for step in steps] == [
        "example.org is a domain of this server",
        f"bob is a user of it with {words}",
    ]


def test_nobody() -> None:
    assert len(recipient_steps(Recipient(DOMAIN, None, "zoe", SERVER_DEFAULT, ()))) == 1
    rule = Rule(1, 20, "20 'night'", Match(), Policy("refuse", "486"))
    ruled = recipient_steps(Recipient(DOMAIN, BOB, "bob", SERVER_DEFAULT, (), rule=rule))
    assert ruled[1].text == "Routing rule 20 'night' is for this request, whoever bob is"


def test_who_asks() -> None:
    assert proven("bob", "example.org", "").text == "The caller is bob: the password was right (MD5, realm example.org)"
    assert proven("b\x1bob", "r", "SHA-256").text.endswith("b?ob: the password was right (SHA-256, realm r)")
    assert "other.example" in stranger("other.example").text
    assert unasked("example.org").section == "22.3"
    assert "example.net" in elsewhere(Uri.parse("sip:zoe@example.net")).text
