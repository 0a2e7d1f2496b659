"""The record of a call attempt: opened with the decision, finished where nothing is forwarded."""

from __future__ import annotations

from proxy.core.explain import Step, Steps
from proxy.core.facts import Recipient, Refuse
from proxy.core.redirect import Redirect
from proxy.core.targets import Decision, Forward
from proxy.events import CallRecord
from proxy.recorder import CallLog
from sip.transaction.server import ServerTransaction


class CallRecords:
    """``log`` announces and stores. What is forwarded is followed by its ProxiedRequest."""

    def __init__(self, log: CallLog) -> None:
        self.log = log

    def open(
        self, transaction: ServerTransaction, recipient: Recipient | None, decision: Decision, steps: Steps, now: float
    ) -> CallRecord | None:
        """The call attempt, for an INVITE outside a dialog."""
        request = transaction.request
        if not transaction.is_invite or request.to_tag:
            return None
        record = self.log.open(request.call_id, request.from_.uri_text, request.uri_text, transaction.flow.text, now)
        record.steps = steps
        if isinstance(decision, Forward):
            record.decision = "forward" if decision.recipient is None else "proxy"
            record.note = decision.note
        else:
            record.decision = "redirect" if isinstance(decision, Redirect) else "refuse"
            steps.append(Step(decision.sentence, "", "8.3" if isinstance(decision, Redirect) else "21"))
        if recipient is not None:
            record.name = recipient.name
            record.domain_id = recipient.domain.id
            record.user_id = recipient.user.id if recipient.user is not None else None
            record.policy = str(recipient.policy.policy)
            record.policy_origin = recipient.policy.origin_text
        return record

    def answered(self, record: CallRecord, answer: Refuse | Redirect, now: float) -> None:
        """The server itself gave the final response, which ends the attempt."""
        record.status, record.reason, record.ended_at = answer.status, answer.reason, now
        record.sentence = answer.sentence
        self.log.changed(record)
