"""The targets of a request for a user of ours (§16.5): forward to groups of targets, redirect, or refuse."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from functools import partial

from proxy.choices import FORWARD, PROXY, REFUSE
from proxy.core.binding_targets import to_binding
from proxy.core.call_forwarding import Arranged, after, at_once, without_phone
from proxy.core.explain import Step, Steps, number
from proxy.core.facts import CONTACTS, BindingFacts, Recipient, Refuse, Target
from proxy.core.forward import Forward as Forward
from proxy.core.forward import Joining, group_targets
from proxy.core.phones import by_phone, in_turn
from proxy.core.recursion import Recursion
from proxy.core.redirect import Redirect, redirect
from proxy.core.ways import way_problem
from proxy.core.wishes import REDIRECTING
from sip.message.errors import BadMessage
from sip.message.params import printable
from sip.message.status import reason_phrase
from sip.message.uri import Uri

ANY_DOMAIN = "*"
MAX_FORWARDS_INSIDE = 5  # users who forward to each other, or are registered at each other's addresses

Gather = Callable[[Uri], Recipient | None]
Decision = Forward | Redirect | Refuse


class TargetFinder:
    """Decides for one request. ``gather`` finds the recipient of any URI, None when it is not a user address of ours;
    ``is_own`` tells whether a URI would lead back to this server; ``caller`` is the address the request came from;
    ``is_call``: an INVITE, for which users may have arranged something."""

    __slots__ = ("_caller", "_gather", "_is_call", "_is_own", "_is_ringing", "_now", "_seen", "steps")

    def __init__(
        self,
        gather: Gather,
        is_own: Callable[[Uri], bool],
        now: float,
        steps: Steps,
        caller: str = "",
        *,
        is_call: bool = False,
    ) -> None:
        self._caller = caller
        self._is_call = is_call
        self._is_ringing = False  # the caller has waited for somebody already
        self._gather = gather
        self._is_own = is_own
        self._now = now
        self._seen: list[str] = []
        self.steps = steps

    def decide(self, request_uri: Uri, recipient: Recipient) -> Decision:
        """What to do with a request for this recipient."""
        user, name = recipient.user, recipient.name
        domain = recipient.domain
        if not domain.enabled:
            return Refuse(404, "Not Found", f"The domain {domain.name} is switched off: 404")
        rule = recipient.rule
        if user is None and rule is None:
            return Refuse(404, "Not Found", f"{name} is not a user of {domain.name}: 404")
        if user is not None and not user.enabled and rule is None:
            # 480 and not 404: the address exists and may come back (§21.4.18).
            return Refuse(480, "Temporarily Unavailable", f"{name} is switched off: 480")
        aor = user.aor if user is not None else f"sip:{name}@{domain.name}"
        if aor in self._seen or len(self._seen) >= MAX_FORWARDS_INSIDE:
            chain = " to ".join([*self._seen, aor])
            return Refuse(482, "Loop Detected", f"Forwarding goes round in circles, from {printable(chain, 120)}: 482")
        self._seen.append(aor)
        try:
            if user is None or rule is not None:
                return self._by_policy(request_uri, recipient, name)
            is_call = self._is_call
            arranged = at_once(user, is_one_phone=recipient.is_one_phone) if is_call else None
            if arranged is None:
                decision = self._by_policy(request_uri, recipient, name)
                if not is_call or recipient.is_one_phone or recipient.policy.policy.action == REFUSE:
                    return decision
                if not isinstance(decision, Refuse) or decision.status != 480:
                    return decision
                arranged = without_phone(user)
                if arranged is None:
                    return decision
            return self._as_arranged(arranged, request_uri, recipient, name)
        finally:
            self._seen.pop()

    def _as_arranged(self, arranged: Arranged, request_uri: Uri, recipient: Recipient, name: str) -> Decision:
        if not arranged.target:
            return Refuse(480, "Temporarily Unavailable", f"{name} {arranged.why}: 480")
        decision = self._forward(Uri.parse(arranged.target), request_uri, recipient, f"{name} {arranged.why} and")
        if isinstance(decision, Forward):
            further = f". {decision.note}" if decision.note else ""
            decision.note = f"{name} {arranged.why}: forwarded to {printable(arranged.target, 80)}{further}"
        return decision

    def _when_failed(self, request_uri: Uri, recipient: Recipient, seen: Sequence[str], status: int) -> Forward | None:
        """What comes next when this is the best that came of ringing."""
        user, name = recipient.user, recipient.name
        arranged = after(user, status) if user is not None else None
        if arranged is None:
            return None
        self._seen = list(seen)
        self._is_ringing = True
        decision = self._as_arranged(arranged, request_uri, recipient, name)
        if isinstance(decision, Forward):
            return decision
        self.steps.append(Step(f"{decision.sentence}. The call is not forwarded", "", "16.5"))
        return None

    def _by_policy(self, request_uri: Uri, recipient: Recipient, name: str) -> Decision:
        effective = recipient.policy
        action, argument = effective.policy
        why = f", for {effective.why}" if effective.why else ""
        self.steps.append(Step(f"Policy of {name}: {effective.policy} ({effective.origin_text}{why})", "", "16.5"))
        if action == REFUSE:
            status = int(argument)
            why = f"{printable(effective.origin_text)} says so" if recipient.rule else f"{name} takes no calls"
            return Refuse(status, reason_phrase(status), f"{_capital(why)}: {status} by policy")
        if action == FORWARD:
            return self._forward(Uri.parse(argument), request_uri, recipient, name)
        if action in REDIRECTING and self._is_ringing:
            self.steps.append(Step(f"The caller waits already: {name}'s phones are called for him", "", "16.5"))
            return self._proxy(PROXY, request_uri, recipient, name)
        if action in REDIRECTING:
            found = redirect(
                action,
                name,
                request_uri,
                recipient.bindings,
                self._now,
                self.steps,
                self._caller,
                # What an administrator wrote into a rule is meant to be known.
                recipient.domain.redirect_reveals if recipient.rule is None else CONTACTS,
            )
            return found or self._instead(request_uri, recipient, name)
        return self._proxy(action, request_uri, recipient, name)

    def _forward(self, uri: Uri, request_uri: Uri, recipient: Recipient, name: str) -> Decision:
        self.steps.append(Step(f"{name} forwards to {printable(uri.text, 80)}", "", "16.5"))
        if request_uri.scheme == "sips" and uri.scheme != "sips":
            return Refuse(480, "Temporarily Unavailable", f"{name} forwards to an address that is not secure: 480")
        next_recipient = self._gather(uri)
        if next_recipient is not None:
            return self.decide(request_uri, next_recipient)
        if self._is_own(uri):
            return Refuse(404, "Not Found", f"{name} forwards to this server itself, where nobody is meant: 404")
        return Forward([[Target(uri)]], recipient.policy.ring_time)

    def _instead(self, request_uri: Uri, recipient: Recipient, name: str) -> Decision:
        """The caller can use none of the contacts, but this server can (D06)."""
        self.steps.append(Step("No contact is left that the caller could use: proxied instead", "D06", "8.3"))
        decision = self._proxy(PROXY, request_uri, recipient, name)
        if isinstance(decision, Forward):
            decision.is_instead = True
            decision.note = f"Proxied instead of redirected, for the caller can use none of {name}'s contacts himself"
        return decision

    def _proxy(self, action: str, request_uri: Uri, recipient: Recipient, name: str) -> Decision:
        if not recipient.bindings:
            return Refuse(480, "Temporarily Unavailable", f"{name} has no registered phone: 480")
        domain = recipient.domain
        targets: list[Target] = []
        late: dict[str, Joining] = {}
        is_his = recipient.user is not None and recipient.rule is None and not recipient.is_one_phone
        if domain.late_joiners and recipient.user is not None and is_his:
            late[recipient.user.aor] = partial(self._of_binding, request_uri=request_uri, late={})
        for flows in by_phone(recipient.bindings):
            for target in self._of_phone(flows, request_uri, late):
                if any(target.uri.equals(other.uri) for other in targets):
                    self.steps.append(Step(f"{printable(target.uri.text, 80)} is there already", "P06", "16.5"))
                else:
                    targets.append(target)
        if not targets:
            return Refuse(480, "Temporarily Unavailable", f"{name} has no phone that can be called this way: 480")
        groups = group_targets(action, targets)
        if len(targets) > 1:
            self.steps.append(
                Step(f"{number(len(targets), 'target')} in {number(len(groups), 'group')} ({action})", "P06", "16.6")
            )
        forward = Forward(
            groups,
            recipient.policy.ring_time,
            recipient,
            action=action,
            keeps_ringing=domain.keep_ringing,
            waits=domain.wait_for_group,
        )
        forward.late = late
        if domain.follow_redirects:
            resolve = partial(self._redirected, request_uri, recipient, tuple(self._seen))
            known = [target.uri for target in targets]
            forward.follow = Recursion(request_uri, known, domain.follow_redirects, resolve).follow
        user = recipient.user
        if self._is_call and user is not None and is_his and (user.forward_busy or user.forward_no_answer):
            forward.fallback = partial(self._when_failed, request_uri, recipient, tuple(self._seen))
        return forward

    def _redirected(
        self, request_uri: Uri, recipient: Recipient, seen: Sequence[str], uri: Uri, q: float
    ) -> Sequence[Target]:
        """Targets of a contact that a phone redirects to; none when it is for the caller to decide (§16.7 step 4)."""
        shown = printable(uri.text, 80)
        domains = recipient.domain.followed_domains
        if uri.host not in domains and ANY_DOMAIN not in domains:
            self.steps.append(Step(f"A redirection to {shown} is not followed: not one of the domains", "P17", "16.7"))
            return ()
        problem = "" if uri.host in domains else way_problem(uri, self._caller)
        if problem:
            self.steps.append(Step(f"A redirection to {shown} is not followed: {problem}", "P17", "16.7"))
            return ()
        self.steps.append(Step(f"A redirection to {shown} is followed", "P17", "16.7"))
        if not self._is_own(uri):
            return [Target(uri, q)]
        self._seen = list(seen)
        return self._of_own_uri(uri, q, request_uri, {})

    def _of_phone(self, flows: Sequence[BindingFacts], request_uri: Uri, late: dict[str, Joining]) -> list[Target]:
        found = [target for binding in flows for target in self._of_binding(binding, request_uri, late)]
        if len(flows) == 1 or len(found) < 2:
            return found
        shown = printable(found[0].uri.text, 80)
        self.steps.append(Step(f"{shown} has {len(found)} flows, tried one after another", "R32", "RFC 5626 7"))
        return [in_turn(found)]

    def _of_binding(self, binding: BindingFacts, request_uri: Uri, late: dict[str, Joining]) -> list[Target]:
        try:
            uri = binding.uri
        except BadMessage:
            return []
        if not uri.is_sip:
            self.steps.append(Step(f"{printable(uri.text, 80)} cannot be proxied", "R26", "10.2.1"))
            return []
        if request_uri.scheme == "sips" and uri.scheme != "sips":
            self.steps.append(Step(f"{printable(uri.text, 80)} is not secure: not for a sips call", "R27", "16.6"))
            return []
        if self._is_own(uri) and not binding.path:
            return self._of_own_uri(uri, binding.q, request_uri, late)
        return [to_binding(binding, uri)]

    def _of_own_uri(self, uri: Uri, q: float, request_uri: Uri, late: dict[str, Joining]) -> list[Target]:
        """A contact that leads back to this server: taken as whom it names, without sending ourselves a request."""
        shown = printable(uri.text, 80)
        recipient = self._gather(uri)
        decision = self.decide(request_uri, recipient) if recipient is not None else None
        if isinstance(decision, Forward):
            self.steps.append(Step(f"{shown} is an address of ours: taken as whom it names", "P24", "16.5"))
            for aor, joining in decision.late.items():
                late.setdefault(aor, partial(_joining_with_q, joining, q))
            found = [target for group in decision.groups for target in group]
            return [_with_q(target, q) for target in found]
        self.steps.append(Step(f"{shown} leads back to this server and to no phone: left out", "P06", "16.5"))
        return []


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:] if text.startswith("rule ") else text


def _joining_with_q(joining: Joining, q: float, binding: BindingFacts) -> list[Target]:
    return [_with_q(target, q) for target in joining(binding)]


def _with_q(target: Target, q: float) -> Target:
    changed = copy(target)
    changed.q = q
    return changed
