"""Which action a policy comes to for this request: methods that are not redirected, and what phones ask for.

RFC 2543 §6.13 lets a phone say ``action=proxy`` or ``action=redirect`` with its contact. RFC 3261 has dropped it, so it
is a hint, and counts only where the domain allows it and all contacts that say something say the same.
"""

from __future__ import annotations

from collections.abc import Iterable

from proxy.choices import PROXY, PROXY_PARALLEL, PROXY_SEQUENTIAL, REDIRECT, REDIRECT_301, Policy
from proxy.core.facts import BindingFacts, DomainFacts, EffectivePolicy
from sip.message.errors import BadMessage
from sip.message.params import parse_params

PROXYING = (PROXY, PROXY_PARALLEL, PROXY_SEQUENTIAL)
REDIRECTING = (REDIRECT, REDIRECT_301)  # policies under which this is a redirect server to the caller (§22.1: 401)


def as_wished(
    effective: EffectivePolicy, domain: DomainFacts, method: str, bindings: Iterable[BindingFacts]
) -> EffectivePolicy:
    """The policy for a request of this method to somebody with these contacts."""
    if domain.contact_action:
        effective = _by_contacts(effective, bindings)
    methods = domain.redirected_methods
    if methods and effective.policy.action in REDIRECTING and method not in methods:
        effective = effective._replace(policy=Policy(PROXY), why=f"{method} is not among the methods it redirects")
    return effective


def _by_contacts(effective: EffectivePolicy, bindings: Iterable[BindingFacts]) -> EffectivePolicy:
    action = effective.policy.action
    wishes = {wish for wish in map(_wish_of, bindings) if wish}
    if wishes == {REDIRECT} and action in PROXYING:
        return effective._replace(policy=Policy(REDIRECT), why="its phones ask to have callers redirected")
    if wishes == {PROXY} and action in REDIRECTING:
        return effective._replace(policy=Policy(PROXY), why="its phones ask to have calls proxied")
    return effective


def _wish_of(binding: BindingFacts) -> str:
    if "action" not in binding.contact_parameters.lower():
        return ""
    try:
        wish = (parse_params(binding.contact_parameters).get("action") or "").lower()
    except BadMessage:
        return ""
    return wish if wish in (PROXY, REDIRECT) else ""
