"""Errors of our own in the log: found by Call-ID, and nothing of the peer's unescaped."""

from __future__ import annotations

import pytest

from sip.transaction.failures import log_failure
from tests.sip.transaction.figures import request


@pytest.mark.rfc("3261", "8.1.1.4")
def test_the_call_and_the_place(caplog: pytest.LogCaptureFixture) -> None:
    invite = request("INVITE")
    invite.replace("Call-ID", "evil\x1b[31m")
    try:
        raise ValueError("bad\nnews")
    except ValueError as error:
        log_failure(error, invite)
        log_failure(error, None)
    first, second = (record.getMessage() for record in caplog.records)
    assert "INVITE" in first and "ValueError" in first and "test_failures.py" in first
    assert "\x1b" not in first and "bad\nnews" not in first
    assert second.startswith("Failed on an end: ValueError")
