import pytest

from proxy.core.facts import Target
from proxy.core.recursion import Recursion
from sip.message.uri import Uri
from tests.proxy.core.messages import a_response

pytestmark = [pytest.mark.rule("P17"), pytest.mark.rfc("3261", "16.7")]


def as_it_is(uri, q):
    return [Target(uri, q)]


def recursion(uri="sip:bob@example.org", known=(), limit=5, resolve=as_it_is):
    return Recursion(Uri.parse(uri), [Uri.parse(one) for one in known], limit, resolve)


def moved(*contacts):
    return a_response(302, "", *[("Contact", contact) for contact in contacts])


def names(groups):
    return [[target.uri.text for target in group] for group in groups]


def test_contacts_become_groups_by_q_and_leave_the_response():
    response = moved("<sip:a@192.0.2.1>;q=0.5, <sip:b@192.0.2.2>", "<sip:c@192.0.2.3>;q=0.5")
    assert names(recursion().follow(response)) == [["sip:b@192.0.2.2"], ["sip:a@192.0.2.1", "sip:c@192.0.2.3"]]
    assert not response.has("contact")


def test_what_cannot_be_followed_stays():
    response = moved("<tel:+1555>, <sip:a@192.0.2.1>")
    assert names(recursion().follow(response)) == [["sip:a@192.0.2.1"]]
    assert response.values("contact") == ["<tel:+1555>"]


def test_no_uri_is_tried_twice():
    again = recursion(known=["sip:a@192.0.2.1"])
    assert again.follow(moved("<sip:a@192.0.2.1>, <sip:bob@example.org>")) == []
    assert names(again.follow(moved("<sip:b@192.0.2.2>"))) == [["sip:b@192.0.2.2"]]
    assert again.follow(moved("<sip:b@192.0.2.2>")) == []


def test_a_sips_call_never_goes_to_what_is_not_sips():
    found = recursion("sips:bob@example.org").follow(moved("<sip:a@192.0.2.1>, <sips:b@192.0.2.2>"))
    assert names(found) == [["sips:b@192.0.2.2"]]


def test_there_is_a_limit_and_a_judge():
    assert len(recursion(limit=1).follow(moved("<sip:a@192.0.2.1>, <sip:b@192.0.2.2>"))) == 1
    assert recursion(resolve=lambda uri, q: []).follow(moved("<sip:a@192.0.2.1>")) == []


def test_a_contact_may_stand_for_several_targets():
    phones = [Uri.parse("sip:c1@192.0.2.1"), Uri.parse("sip:c2@192.0.2.2")]
    both = recursion(limit=2, resolve=lambda uri, q: [Target(phone, q) for phone in phones])
    assert names(both.follow(moved("<sip:carol@example.org>"))) == [["sip:c1@192.0.2.1", "sip:c2@192.0.2.2"]]
    assert both.follow(moved("<sip:c2@192.0.2.2>")) == []


def test_malformed_contacts_are_not_followed():
    assert recursion().follow(moved("<sip:a@192.0.2.1>;q=7")) == []
    assert names(recursion().follow(moved("<sip:a@b@c>, <sip:a@192.0.2.1>"))) == [["sip:a@192.0.2.1"]]
