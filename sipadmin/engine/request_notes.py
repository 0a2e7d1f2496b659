"""What the request log is told from outside the proxy: REGISTERs, and requests too malformed for any core."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from proxy.request_log import Decided, RequestLog, tell_of
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
        request, flow = why.request, why.flow
        target = why.aor or request.first("to") or ""
        tell = partial(tell_of, request, flow, why.steps)
        self._log.note(Decided(request.method, flow.remote[0], target, why.status, why.reason, tell, why.at))

    def malformed(self, request: Request, flow: Flow, status: int, reason: str) -> None:
        """A request was refused because nobody can read it."""
        steps = [Step(f"The request is malformed or too large: {reason}", "X03", "16.3")]
        tell = partial(tell_of, request, flow, lambda: steps)
        self._log.note(Decided(request.method, flow.remote[0], request.uri_text, status, reason, tell, self._now()))
