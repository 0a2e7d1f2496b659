"""The search that every page has."""

import pytest

from tests.console import attempt, bind

pytestmark = pytest.mark.django_db


def found(page, text: str) -> str:
    return page.get("/search/", {"q": text}).content.decode()


def test_it_works(operator_page, alice, bob):
    bind(bob, user_agent="Rare phone")
    attempt(call_id="one-of-a-kind")
    assert "alice@example.org" in found(operator_page, "ali")
    assert "bob@example.org" in found(operator_page, "rare phone")
    assert "bob@example.org" in found(operator_page, "one-of-a-kind")
    assert "/domains/" in found(operator_page, "example.org")


def test_a_whole_address(operator_page, alice, bob):
    text = found(operator_page, "sip:alice@exa")
    assert "alice@example.org" in text
    assert "bob@example.org" not in text


def test_an_alias(operator_page, alice):
    alice.aliases.create(domain=alice.domain, name="4711")
    assert "alice@example.org" in found(operator_page, "4711")


def test_nothing_found_offers_what_next(admin_page, operator_page, domain):
    assert "Nothing matches “zzz”" in found(operator_page, "zzz")
    assert "Add a user" in found(admin_page, "zzz")


def test_nothing_asked(operator_page):
    assert "Type a name" in found(operator_page, "")
