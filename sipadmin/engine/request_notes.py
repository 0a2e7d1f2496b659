"""What the request log is told from outside the proxy: REGISTERs, and requests too malformed for any core."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from proxy.request_log import Decided, RequestLog
from registrar.explain import Explanation
from sip.decision import Step
from sip.message.messages import Request
from sip.transport.flow import Flow


class RequestNotes:
    """``now`` is the loop clock."""

    def __init__(self, log: RequestLog, now: Callable[[], float]) -> None:
        self._log = log
        self._now = now

    def registered(self, why: Explanation) -> None:
        """A REGISTER was answered. One that was merely asked for a password is nothing yet."""
        if why.outcome is None:
            return
        self._log.note(
            decided(
                why.request, why.flow, why.aor or _text(why.request, "to"), why.status, why.reason, why.steps, why.at
            )
        )

    def malformed(self, request: Request, flow: Flow, status: int, reason: str) -> None:
        """A request was refused because nobody can read it."""
        steps = [Step(f"The request is malformed or too large: {reason}", "X03", "16.3")]
        self._log.note(decided(request, flow, request.uri_text, status, reason, lambda: steps, self._now()))


def decided(
    request: Request,
    flow: Flow,
    target: str,
    status: int,
    reason: str,
    steps: Callable[[], Sequence[Step]],
    at: float,
) -> Decided:
    """Whatever of it can be read; no header field is parsed."""
    return Decided(
        request.method,
        flow.remote[0],
        flow.text,
        _text(request, "from"),
        target,
        _text(request, "call-id"),
        _text(request, "user-agent"),
        status,
        reason,
        steps,
        at,
    )


def _text(request: Request, name: str) -> str:
    return request.first(name) or ""
