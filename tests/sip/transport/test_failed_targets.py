"""What failed is tried last, for a while."""

from __future__ import annotations

import pytest

from sip.transport.failed_targets import FAILED_INTERVAL, MAX_FAILED, MAX_RETRY_AFTER, FailedTargets, Observed
from sip.transport.listeners import ListenAddress
from sip.transport.selection import NextHop
from tests.sip.imaginary import BOB, SERVER, ImaginaryEndpoint, response_text
from tests.sip.recording import RecordingCore, RecordingUser
from tests.sip.transport.test_network import options_request

FIRST, SECOND, THIRD = (NextHop("udp", f"192.0.2.{number}", 5060, None, True) for number in (1, 2, 3))


@pytest.mark.rfc("3263", "4.3")
class TestFailedTargets:
    def test_last_in_their_own_order_until_it_is_over(self) -> None:
        failed = FailedTargets()
        failed.failed(FIRST, 100)
        assert failed.last([FIRST, SECOND, THIRD], 101) == [SECOND, THIRD, FIRST]
        failed.failed(SECOND, 102)
        assert failed.last([FIRST, SECOND, THIRD], 103) == [THIRD, FIRST, SECOND]
        assert failed.last([FIRST, SECOND, THIRD], 100.5 + FAILED_INTERVAL) == [FIRST, THIRD, SECOND]

    def test_success_clears(self) -> None:
        failed = FailedTargets()
        failed.failed(FIRST, 100)
        failed.succeeded(FIRST)
        failed.succeeded(SECOND)
        assert failed.last([FIRST, SECOND], 101) == [FIRST, SECOND] and len(failed) == 0

    def test_bounded(self) -> None:
        failed = FailedTargets()
        for number in range(MAX_FAILED + 10):
            failed.failed(NextHop("udp", "192.0.2.9", number), 100)
        assert len(failed) == MAX_FAILED
        failed.failed(FIRST, 101 + FAILED_INTERVAL)
        assert len(failed) == 1  # the others were over


class TestObserved:
    """What comes of a transaction tells whether its target works; whoever sent it hears all the same."""

    HOP = NextHop("udp", *BOB, None, True)

    def send(self, user: RecordingUser | None) -> tuple[ImaginaryEndpoint, FailedTargets]:
        endpoint, failed = ImaginaryEndpoint(RecordingCore(), [ListenAddress("udp", *SERVER)]), FailedTargets()
        endpoint._layer.send_request(options_request(), self.HOP, Observed(failed, self.HOP, user))
        return endpoint, failed

    @pytest.mark.parametrize(
        ("retry_after", "interval"),
        [
            ([], FAILED_INTERVAL),
            (["Retry-After: 7 (lunch);duration=9"], 7.0),
            (["Retry-After: 99999"], MAX_RETRY_AFTER),
            (["Retry-After: soon"], FAILED_INTERVAL),
        ],
    )
    def test_503(self, retry_after: list[str], interval: float) -> None:
        user = RecordingUser()
        endpoint, failed = self.send(user)
        endpoint.deliver(response_text(endpoint.sent[0].data, 503, fields=retry_after), BOB)
        now = endpoint.now()
        assert failed.has_failed(self.HOP, now + interval - 0.1) and not failed.has_failed(self.HOP, now + interval)
        assert user.statuses == [503]

    @pytest.mark.parametrize("has_user", [True, False])
    def test_any_other_answer_clears(self, has_user: bool) -> None:
        user = RecordingUser()
        endpoint, failed = self.send(user if has_user else None)
        failed.failed(self.HOP, endpoint.now())
        for status in (100, 404):
            endpoint.deliver(response_text(endpoint.sent[0].data, status), BOB)
        assert not failed.has_failed(self.HOP, endpoint.now())
        assert user.statuses == ([100, 404] if has_user else [])

    @pytest.mark.parametrize(("has_answered", "has_user"), [(False, True), (True, True), (False, False)])
    def test_silence(self, has_answered: bool, has_user: bool) -> None:
        user = RecordingUser()
        endpoint, failed = self.send(user if has_user else None)
        if has_answered:
            endpoint.deliver(response_text(endpoint.sent[0].data, 100), BOB)
        endpoint.advance(33)
        assert failed.has_failed(self.HOP, endpoint.now()) is not has_answered
        assert user.failures == ([408] if has_user else [])
