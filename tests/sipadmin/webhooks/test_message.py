"""A message in the form of Standard Webhooks, judged by their own library."""

from datetime import UTC, datetime

import pytest
import standardwebhooks

from sipadmin.webhooks.message import DELAYS, LONGEST_DELAY, body_of, delay_after, headers_of, secret_text

KEY = bytes(range(32))
MADE_AT = datetime(2026, 11, 1, 12, 30, tzinfo=UTC)
BODY = body_of("registration.created", MADE_AT, "sip:bob@example.org", {"contact": "sip:bob@192.0.2.1"}, 17)


def sent_now() -> int:
    """A receiver takes nothing that was sent more than five minutes ago, and this module was read long before."""
    return int(datetime.now(UTC).timestamp())


def test_a_receiver_accepts_it():
    headers = headers_of(KEY, "evt_17_1", sent_now(), BODY)
    facts = standardwebhooks.Webhook(secret_text(KEY)).verify(BODY, headers)
    assert facts == {
        "type": "registration.created",
        "timestamp": MADE_AT.isoformat(),
        "data": {"event_id": 17, "subject": "sip:bob@example.org", "contact": "sip:bob@192.0.2.1"},
    }


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature", "body", "secret"])
def test_and_nothing_that_was_changed(name):
    headers = headers_of(KEY, "evt_17_1", sent_now(), BODY)
    body, secret = BODY, secret_text(KEY)
    if name == "body":
        body += " "
    elif name == "secret":
        secret = secret_text(KEY[::-1])
    elif name == "webhook-signature":
        headers[name] = "v1," + "A" * 43 + "="
    else:
        headers[name] = str(sent_now() + 2)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(secret).verify(body, headers)


class TestDelay:
    def test_from_five_seconds_to_a_day(self):
        delays = [delay_after(tries, 0.5) for tries in range(1, len(DELAYS) + 1)]
        assert delays == list(DELAYS) == sorted(delays)
        assert (delays[0], delays[-1]) == (5, 24 * 3600)
        assert delay_after(len(DELAYS) + 1, 0.5) is None

    def test_chance_spreads_it(self):
        assert (delay_after(1, 0.0), delay_after(1, 0.999)) == (4.0, pytest.approx(6.0, abs=0.01))

    def test_the_receiver_may_ask_for_more(self):
        assert delay_after(1, 0.5, 60) == 60
        assert delay_after(2, 0.5, 60) == 300
        assert delay_after(1, 0.5, 1e9) == LONGEST_DELAY
