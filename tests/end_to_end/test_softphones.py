"""baresip and linphonec register and call each other through the product."""

from __future__ import annotations

import pytest

from tests.end_to_end.enrolment import Enrolment
from tests.end_to_end.product import Product
from tests.end_to_end.programs import Programs
from tests.end_to_end.softphones import Baresip, Linphonec


@pytest.fixture(scope="module")
def domain(product: Product) -> Enrolment:
    return Enrolment(product, "softphones.test", {"alice": "", "bob": "", "carol": ""})


def hold_a_call(domain: Enrolment, caller: Baresip | Linphonec, callee: Baresip | Linphonec, user: str) -> None:
    """Called, answered, hung up by the caller; both ends and the product say so."""
    domain.forget_calls()
    caller.call(domain.aor(user))
    callee.established()
    caller.established()
    caller.hang_up()
    callee.ended()
    attempt = domain.attempt(user)
    assert (attempt["state"], attempt["status"]) == ("answered", 200)


def test_baresip_registers_calls_and_unregisters(domain: Enrolment, programs: Programs) -> None:
    alice, bob = Baresip(domain, programs, "alice"), Baresip(domain, programs, "bob")
    alice.registered()
    bob.registered()
    assert domain.wait_for_bindings("bob", 1)[0]["user_agent"].startswith("baresip")
    hold_a_call(domain, alice, bob, "bob")
    bob.quit()
    domain.wait_for_bindings("bob", 0)
    alice.quit()


def test_linphonec_registers_calls_and_unregisters(domain: Enrolment, programs: Programs) -> None:
    alice, carol = Linphonec(domain, programs, "alice"), Linphonec(domain, programs, "carol")
    alice.registered()
    carol.registered()
    assert domain.wait_for_bindings("carol", 1)[0]["user_agent"].startswith("Linphone")
    hold_a_call(domain, alice, carol, "carol")
    carol.quit()
    domain.wait_for_bindings("carol", 0)
    alice.quit()


def test_baresip_and_linphonec_call_each_other(domain: Enrolment, programs: Programs) -> None:
    bob, carol = Baresip(domain, programs, "bob"), Linphonec(domain, programs, "carol")
    bob.registered()
    carol.registered()
    hold_a_call(domain, bob, carol, "carol")
    hold_a_call(domain, carol, bob, "bob")
    bob.quit()
    carol.quit()
    domain.wait_for_bindings("carol", 0)
