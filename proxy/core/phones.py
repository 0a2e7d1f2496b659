"""Several flows of one phone are one phone: tried one after another, never together (RFC 5626 §7)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from proxy.core.facts import BindingFacts, Target
from sip.location import instance_key


def phone_of(binding: BindingFacts) -> str:
    """Names a phone that may have several flows; empty for any other."""
    return instance_key(binding.instance_id) if binding.reg_id and binding.instance_id else ""


def by_phone(bindings: Sequence[BindingFacts]) -> list[list[BindingFacts]]:
    """Bindings of each phone together, phones and their flows in the order given.

    A phone that names its instance and the flow (reg-id) has one binding for each flow. Any other binding is a phone
    by itself: a device without reg-id may well have contacts that do not stand in for each other.
    """
    phones: dict[object, list[BindingFacts]] = {}
    for binding in bindings:
        key: object = phone_of(binding) or id(binding)
        phones.setdefault(key, []).append(binding)
    return list(phones.values())


def in_turn(flows: Sequence[Target]) -> Target:
    """One target that stands for all flows of a phone: those that can be tried first, in their order."""
    ordered = sorted(flows, key=is_dead)
    for target, other in pairwise(ordered):
        target.other_flow = other
    return ordered[0]


def is_dead(target: Target) -> bool:
    """Whether the only way to a target is a flow that is gone: it is not dialled anew (RFC 5626 §5.3)."""
    return target.is_flow_only and not target.routes and (target.flow is None or not target.flow.is_open)
