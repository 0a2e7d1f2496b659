"""The checks a request must pass before it is proxied (§16.3), and the count of those that did not."""

from __future__ import annotations

from collections import Counter

from proxy.core.facts import Recipient, Refuse
from proxy.core.loops import is_loop
from proxy.core.redirect import Redirect
from proxy.core.targets import Decision, Forward
from proxy.core.validation import check_breadth, check_max_forwards, check_proxy_require
from sip.message.messages import Request


class RequestChecks:
    """Each check gives a refusal, or None when it is passed. ``count`` is the handler's."""

    __slots__ = ("_count",)

    def __init__(self, count: Counter[str]) -> None:
        self._count = count

    def as_proxy(self, request: Request) -> Refuse | None:
        """Steps 3 and 5, and RFC 5393 §5.3.3."""
        refusal = check_max_forwards(request) or check_proxy_require(request)
        if refusal is None and request.has("max-breadth"):
            refusal = check_breadth(request)
            self._count["breadth_exceeded"] += refusal is not None
        return refusal

    def loop(self, request: Request, loop_mark: str) -> Refuse | None:
        """Step 4."""
        if not is_loop(request, loop_mark):
            return None
        self._count["loop_detected"] += 1
        return Refuse(482, "Loop Detected", "The request came back to this server with nothing changed: 482")

    def before_forwarding(self, request: Request, loop_mark: str) -> Refuse | None:
        return self.as_proxy(request) or self.loop(request, loop_mark)

    def redirected(self, request: Request, recipient: Recipient, decision: Decision, loop_mark: str) -> Decision:
        """What a redirect server decided. Where it proxies instead, what it passed over (§8.3) is checked now."""
        given = len(decision.contacts) if isinstance(decision, Redirect) else 0
        self._count["contacts_left_out"] += len(recipient.bindings) - given
        if not isinstance(decision, Forward):
            return decision
        self._count["proxied_instead"] += 1
        return self.before_forwarding(request, loop_mark) or decision
