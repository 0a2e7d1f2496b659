"""RFC 6665 §4.2, RFC 3680 §4.7: one subscription over time."""

import pytest

from registrar.watching.reginfo import ContactChange
from registrar.watching.subscription import NEVER, Subscription
from sip.location import Binding
from sip.message.address import Address
from sip.message.wire import parse_message
from sip.transport.flow import Flow
from tests.sip.imaginary import request_text

CONTACT = Address.parse("<sip:bob@192.0.2.20;method=NOTIFY?Subject=x>")


def change(event, id=1):
    return ContactChange(
        Binding(id=id, aor="sip:bob@example.org", contact=f"sip:{id}", expires_at=9e9, call_id="1", cseq=1), event
    )


@pytest.fixture
def subscription():
    request = parse_message(request_text("SUBSCRIBE", fields=["Event: reg"]))
    one = Subscription(
        request, "k1", "sip:bob@example.org", "sip:alice@example.org", "", Flow("udp", ("a", 1), ("b", 2))
    )
    one.subscribed(600, CONTACT, 100.0)
    return one


def first(subscription, now=100.0):
    notification = subscription.take(now)
    subscription.is_waiting = False
    return notification


@pytest.mark.rfc("6665", "4.2.2")
class TestSubscription:
    """RFC 6665 §4.2.2: sending state."""

    def test_full_state_is_due_at_once(self, subscription):
        assert subscription.due_at == 0.0
        assert first(subscription) == (0, None, "")
        assert subscription.due_at == 700.0
        assert subscription.take(101.0) is None

    def test_changes_gather(self, subscription):
        first(subscription)
        for one in (change("registered"), change("registered", 2), change("unregistered", 2), change("refreshed")):
            subscription.changed(one)
        assert subscription.due_at == 105.0
        assert subscription.take(104.9) is None
        version, changes, ended = subscription.take(105.0)
        assert (version, ended) == (1, "")
        assert [(one.binding.id, one.event) for one in changes] == [(2, "unregistered"), (1, "registered")]
        assert subscription.due_at == NEVER  # that NOTIFY is on its way

    def test_a_refresh_alone_stays_one(self, subscription):
        first(subscription)
        subscription.changed(change("refreshed"))
        subscription.changed(change("refreshed"))
        assert [one.event for one in first(subscription, 105.0).changes] == ["refreshed"]

    def test_a_refresh_makes_changes_old(self, subscription):
        first(subscription)
        subscription.changed(change("registered"))
        subscription.subscribed(60, None, 101.0)
        assert first(subscription, 101.0) == (1, None, "")
        assert subscription.due_at == 161.0
        assert subscription.target == "sip:bob@192.0.2.20"

    def test_expiry(self, subscription):
        first(subscription)
        subscription.changed(change("registered"))
        subscription.subscribed(3, None, 101.0)
        first(subscription, 101.0)
        subscription.changed(change("registered"))
        assert subscription.due_at == 104.0
        assert subscription.take(104.0) == (2, None, "timeout")

    def test_the_first_reason_counts(self, subscription):
        first(subscription)
        subscription.end("noresource")
        subscription.end("rejected")
        assert subscription.take(101.0).ended == "noresource"

    def test_notify(self, subscription):
        request = subscription.notify("", "<sip:192.0.2.1>", b"x", "application/reginfo+xml", 102.5)
        assert request.start_line == "NOTIFY sip:bob@192.0.2.20 SIP/2.0"
        assert request.cseq == (1, "NOTIFY")
        assert request.first("subscription-state") == "active;expires=597"
        assert request.first("from") == "<sip:bob@example.org>;tag=k1"
        assert request.first("to") == "Alice <sip:alice@example.org>;tag=alice"
        assert request.first("event") == "reg"
        assert subscription.next_uri == "sip:bob@192.0.2.20"
        assert "alice@example.org" in repr(subscription)
        ended = subscription.notify("timeout", "<sip:192.0.2.1>", b"", "a/b", 700.0)
        assert ended.cseq.number == 2
        assert ended.first("subscription-state") == "terminated;reason=timeout"
