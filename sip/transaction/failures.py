"""Errors of our own, logged so that the call is found and nothing of the peer's goes out unescaped."""

from __future__ import annotations

import logging
from traceback import format_tb

from sip.message.messages import Message
from sip.message.params import printable

logger = logging.getLogger("sip")


def log_failure(error: Exception, message: Message | None) -> None:
    """Log what failed, on which message of which Call-ID, and where in our code."""
    what = f"{message!r} of Call-ID {printable(message.first('call-id') or '', 80)}" if message else "an end"
    where = "".join(format_tb(error.__traceback__))
    logger.error("Failed on %s: %s: %s\n%s", what, type(error).__name__, printable(str(error), 200), where)
