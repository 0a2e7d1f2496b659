"""What a rehearsal has shown: the decision, where each copy would go and why, and the answer to the caller."""

from __future__ import annotations

from typing import Any, NamedTuple

from proxy.core.explain import Step, Steps
from proxy.core.facts import Recipient, Refuse, Target
from proxy.core.phones import is_dead
from proxy.core.redirect import Redirect
from proxy.core.routing import Routed
from proxy.core.targets import Decision, Forward
from proxy.events import shown
from proxy.simulation.null_transport import NullEndpoint
from proxy.way_on import way_on
from sip.message.messages import Response
from sip.message.uri import Uri
from sip.message.wire import parse_message
from sip.transport.flow import Flow
from sip.transport.selection import NextHop


class Seen(NamedTuple):
    """What the proxy decided, None where another part answered; ``is_stored``: a message was kept for later."""

    decision: Decision | None
    recipient: Recipient | None
    routed: Routed | None
    steps: Steps
    is_stored: bool


def findings(endpoint: NullEndpoint, seen: Seen) -> dict[str, Any]:
    """JSON-able facts, for people who did not ask in SIP."""
    decision, recipient = seen.decision, seen.recipient
    answer = _answer(endpoint)
    steps = list(seen.steps)
    if decision is None and seen.is_stored:
        steps.append(Step("Nobody is there to take the message: it is stored", "P32", "RFC 3428 7"))
    elif isinstance(decision, Redirect | Refuse) and all(step.text != decision.sentence for step in steps):
        # The record of a call attempt has said so already.
        steps.append(Step(decision.sentence, "", "8.3" if isinstance(decision, Redirect) else "21"))
    targets = _targets(endpoint, seen, decision) if isinstance(decision, Forward) else []
    policy = recipient.policy if recipient is not None else None
    return {
        "decision": _word(seen),
        "sentence": shown(_sentence(decision, answer, targets, recipient)),
        "policy": str(policy.policy) if policy is not None else "",
        "policy_origin": shown(policy.origin_text) if policy is not None else "",
        "ring_time": decision.ring_time if isinstance(decision, Forward) else None,
        "steps": [{"text": shown(step.text), "rule": step.rule, "section": step.section} for step in steps],
        "targets": targets,
        "answer": answer,
        "names_to_look_up": sorted(set(endpoint.null.asked)),
    }


def _word(seen: Seen) -> str:
    decision = seen.decision
    if decision is None:
        return "store" if seen.is_stored else "answer"
    if isinstance(decision, Forward):
        return "forward" if decision.recipient is None else "proxy"
    if isinstance(decision, Redirect):
        return "redirect"
    return "answer" if decision.status < 300 else "refuse"


def _sentence(
    decision: Decision | None, answer: dict[str, Any] | None, targets: list[dict[str, Any]], recipient: Recipient | None
) -> str:
    if isinstance(decision, Forward):
        if answer is not None:
            return f"None of the targets can be reached: {answer['status']} {answer['reason']}"
        first = [target for target in targets if target["group"] == 1]
        whose = f" of {recipient.name}" if recipient is not None else ""
        later = f", {len(targets) - len(first)} more after that" if len(first) < len(targets) else ""
        note = f". {decision.note}" if decision.note else ""
        return f"{len(first)} target{'' if len(first) == 1 else 's'}{whose} would be tried{later}{note}"
    if decision is not None:
        return decision.sentence
    if answer is None:
        return "Nothing would be answered"
    return f"The caller would get {answer['status']} {answer['reason']}"


def _answer(endpoint: NullEndpoint) -> dict[str, Any] | None:
    """The final response to the caller, None while phones would be tried."""
    for data in reversed(endpoint.responses):
        response = parse_message(data)
        if isinstance(response, Response) and response.status >= 200:
            contacts = response.lines("contact") if 300 <= response.status < 400 else []
            return {
                "status": response.status,
                "reason": shown(response.reason, 200),
                "contacts": [shown(contact) for contact in contacts],
            }
    return None


def _targets(endpoint: NullEndpoint, seen: Seen, forward: Forward) -> list[dict[str, Any]]:
    found = []
    for number, group in enumerate(forward.groups, start=1):
        for target in group:
            way = way_on(seen.routed or Routed(target.uri, []), target)
            facts = {
                "group": number,
                "uri": shown(target.uri.text),
                "q": target.q,
                "user_agent": shown(target.user_agent),
                "next_hop": _next_hop(endpoint, way),
                "reason": _reason(target, way, seen.recipient),
            }
            found.append(facts)
    return found


def _next_hop(endpoint: NullEndpoint, way: Flow | Uri | None) -> str:
    """Where its copy would go: protocol and address, empty when a name has to be looked up first or nothing is left."""
    if isinstance(way, Flow):
        return NextHop.on(way).text
    found: list[NextHop] = []
    if way is not None:
        endpoint.resolve(way, found.extend)
    return found[0].text if found else ""


def _reason(target: Target, way: Flow | Uri | None, recipient: Recipient | None) -> str:
    rule = recipient.rule if recipient is not None else None
    if rule is not None and any(target.uri is one.uri for one in rule.targets):
        return f"target of rule {shown(rule.name)}"
    if not target.is_binding:
        return "forwarded to an address that is not of this server"
    if target.routes:
        return "registered; reached by its Path"
    if isinstance(way, Flow):
        return "registered; reached on the flow it keeps open"
    if is_dead(target):
        return "registered, but the flow it registered on is gone"
    if way is None:
        return "registered, but the flow it keeps open is not secure"
    return "registered; reached at its contact address"
