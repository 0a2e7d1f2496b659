"""What failed is tried last, for a while."""

from __future__ import annotations

import pytest

from sip.transport.failed_targets import FAILED_INTERVAL, MAX_FAILED, FailedTargets
from sip.transport.selection import NextHop

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
