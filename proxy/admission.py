"""Who may use this server for what: callers prove who they are, strangers reach our users and nobody else (§22.3)."""

from __future__ import annotations

from typing import NamedTuple

from proxy.caller import CallerCheck
from proxy.choices import REDIRECT
from proxy.core.admission_steps import JUDGED_BEFORE, TRUSTED_SOURCE, proven, stranger, unasked
from proxy.core.facts import DomainFacts, Recipient, Refuse
from proxy.core.responsibility import Responsibility
from proxy.events import Wall
from proxy.trunks import Trunks
from sip.auth.authenticator import Kind
from sip.decision import Step
from sip.message.messages import Request
from sip.message.params import printable
from sip.message.uri import Uri
from sip.transaction.server import ServerTransaction
from sip.transport.flow import Flow


class Admitted(NamedTuple):
    """``refusal`` None: come in, for the reason of ``step``. ``is_bare``: the refusal merely asks who it is, which is
    no call attempt yet. ``may_relay``: also to other domains."""

    refusal: Refuse | None
    is_bare: bool = False
    may_relay: bool = False
    step: Step | None = None


class Admission:
    """``trunks`` may use us to reach other domains without being asked who they are."""

    def __init__(self, callers: CallerCheck, responsibility: Responsibility, trunks: Trunks, wall: Wall) -> None:
        self._callers = callers
        self._responsibility = responsibility
        self._trunks = trunks
        self._wall = wall

    def to_recipient(
        self, transaction: ServerTransaction, recipient: Recipient, kind: Kind, now: float, *, is_spiral: bool
    ) -> Admitted:
        """A request for an address of ours, which a rule may send out of this server: that is relaying."""
        elsewhere = self._led_to(recipient)
        names_callers = recipient.rule is not None and recipient.rule.match.caller is not None
        # A rule that names its callers lets strangers through; who says that he is ours proves it all the same.
        if elsewhere is not None and not (names_callers and self.domain_of_caller(transaction.request) is None):
            return self.to_elsewhere(transaction, elsewhere, now, is_spiral=is_spiral)
        return self.to_user(transaction, recipient.domain, kind, now, is_spiral=is_spiral)

    def _led_to(self, recipient: Recipient) -> Uri | None:
        """Where a rule would send a request, out of this server; None where it does not."""
        rule = recipient.rule
        if rule is None or rule.policy.action == REDIRECT:
            return None
        return next((target.uri for target in rule.targets if not self._responsibility.is_own(target.uri)), None)

    def to_user(
        self, transaction: ServerTransaction, callee: DomainFacts, kind: Kind, now: float, *, is_spiral: bool
    ) -> Admitted:
        """A request for a user of the domain ``callee``. A caller from one of our domains proves who he is where that
        wants it; a stranger need not, but may be kept out. What spirals was judged when it first came."""
        domain = self.domain_of_caller(transaction.request)
        if domain is None:
            is_trunk = self.is_relay_source(transaction.flow)
            if not (callee.strangers_may_call or is_trunk or is_spiral):
                return Admitted(
                    Refuse(403, "Strangers may not call", f"{callee.name} takes no calls from strangers: 403")
                )
            return Admitted(None, may_relay=is_trunk, step=stranger(transaction.request.from_.uri.host))
        if is_spiral:
            return Admitted(None, may_relay=True, step=JUDGED_BEFORE)
        if not domain.auth_call:
            return Admitted(None, step=unasked(domain.name))
        return self._proven(transaction, domain, kind, now)

    def to_elsewhere(self, transaction: ServerTransaction, uri: Uri, now: float, *, is_spiral: bool) -> Admitted:
        """A request for another domain: for authenticated users of ours, and for networks that may."""
        request = transaction.request
        if self.is_relay_source(transaction.flow):
            return Admitted(None, may_relay=True, step=TRUSTED_SOURCE)
        if request.method == "REGISTER":
            sentence = f"Registrations at {printable(uri.host, 60)} are not relayed for strangers: 403"
            return Admitted(Refuse(403, "Relaying denied", sentence))
        domain = self.domain_of_caller(request)
        if domain is None:
            sentence = f"{printable(uri.host, 60)} is not a domain of this server, and the caller is no user of it: 403"
            return Admitted(Refuse(403, "Relaying denied", sentence))
        if is_spiral:
            return Admitted(None, may_relay=True, step=JUDGED_BEFORE)
        return self._proven(transaction, domain, "proxy", now)

    def _proven(self, transaction: ServerTransaction, domain: DomainFacts, kind: Kind, now: float) -> Admitted:
        verdict = self._callers.check(transaction.request, transaction.flow, domain, kind, self._wall(now))
        user = verdict.user
        step = proven(user.username, domain.realm, verdict.algorithm) if user is not None else None
        return Admitted(verdict.refusal, verdict.is_bare, may_relay=verdict.refusal is None, step=step)

    def domain_of_caller(self, request: Request) -> DomainFacts | None:
        """The domain of ours that the caller says he is from."""
        return self._responsibility.domain_of(request.from_.uri)

    def own_realm(self, request: Request, name: str = "proxy-authorization") -> str:
        """Realm of the credentials that end here (§22.3), empty when the request has none to look at."""
        if not request.has(name):
            return ""
        domain = self.domain_of_caller(request)
        return domain.realm if domain is not None else ""

    def is_relay_source(self, flow: Flow) -> bool:
        return self._trunks.has(flow)
