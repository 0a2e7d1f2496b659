"""The record of a call attempt: opened with the decision, finished where nothing is forwarded."""

from __future__ import annotations

from functools import partial

from proxy.core.explain import Step, Steps
from proxy.core.facts import Recipient, Refuse
from proxy.core.redirect import Redirect
from proxy.core.targets import Decision, Forward
from proxy.events import CallRecord
from proxy.recorder import CallLog
from proxy.request_log import Decided, Limit, RequestLog, tell_of
from sip.transaction.server import ServerTransaction

REFUSED_CALLS_A_MINUTE = 20  # of one source and one status that become attempts: a misled trunk shows, a flood does not


class CallRecords:
    """``log`` announces and stores. What is forwarded is followed by its ProxiedRequest. ``requests`` keeps what was
    refused, whatever its method; of refused calls beyond a few each minute it is all that is kept."""

    def __init__(self, log: CallLog, requests: RequestLog | None = None) -> None:
        self.log = log
        self.requests = requests
        self._refused = Limit(REFUSED_CALLS_A_MINUTE)

    def open(
        self, transaction: ServerTransaction, recipient: Recipient | None, decision: Decision, steps: Steps, now: float
    ) -> CallRecord | None:
        """The call attempt, for an INVITE outside a dialog."""
        request = transaction.request
        if isinstance(decision, Refuse) and decision.status >= 300:
            self._note(transaction, decision, steps, now)
            if transaction.is_invite and not self._refused.allows(transaction.flow.remote[0], decision.status, now):
                return None
        if not transaction.is_invite or request.to_tag:
            return None
        record = self.log.open(request.call_id, request.from_.uri_text, request.uri_text, transaction.flow.text, now)
        record.steps = steps
        if isinstance(decision, Forward):
            record.decision = "forward" if decision.recipient is None else "proxy"
            record.note = decision.note
            record.name = decision.recipient.name if decision.recipient is not None else ""
        else:
            record.decision = "redirect" if isinstance(decision, Redirect) else "refuse"
            steps.append(Step(decision.sentence, "", "8.3" if isinstance(decision, Redirect) else "21"))
        if recipient is not None:
            record.domain_id = recipient.domain.id
            record.user_id = recipient.user.id if recipient.user is not None else None
            record.policy = str(recipient.policy.policy)
            record.policy_origin = recipient.policy.origin_text
        return record

    def _note(self, transaction: ServerTransaction, refused: Refuse, steps: Steps, now: float) -> None:
        if self.requests is None:
            return
        request, flow = transaction.request, transaction.flow
        told = [*steps, Step(refused.sentence, "", "21")]
        tell = partial(tell_of, request, flow, lambda: told)
        self.requests.note(
            Decided(request.method, flow.remote[0], request.uri_text, refused.status, refused.reason, tell, now)
        )

    def answered(self, record: CallRecord, answer: Refuse | Redirect, now: float) -> None:
        """The server itself gave the final response, which ends the attempt."""
        record.status, record.reason, record.ended_at = answer.status, answer.reason, now
        record.sentence = answer.sentence
        self.log.changed(record)
