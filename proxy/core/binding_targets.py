"""The target that a registered phone makes (§16.5): at its contact, by its Path, or on the flow it keeps open."""

from __future__ import annotations

from collections.abc import Sequence

from proxy.core.facts import BindingFacts, FlowFacts, Target
from proxy.core.phones import phone_of
from sip.message.uri import Uri


def to_binding(binding: BindingFacts, uri: Uri) -> Target:
    """Target of a binding, whose contact is ``uri``."""
    routes, flow = _way_to(binding)
    target = Target(uri, binding.q, routes, flow, binding.user_agent, is_binding=True, is_flow_only=binding.is_outbound)
    target.phone = phone_of(binding)
    target.binding = binding
    return target


def _way_to(binding: BindingFacts) -> tuple[Sequence[str], FlowFacts | None]:
    """Route values to push, and a flow to send on instead of what the URI says."""
    if binding.path:
        return binding.path, None  # RFC 3327 §5.4: the Path is the way, the edge proxy knows the rest
    flow = binding.flow
    if flow is not None and flow.is_open and (flow.is_reliable or binding.is_outbound):
        return (), flow
    return (), None
