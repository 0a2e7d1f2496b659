"""The way on of the copy for one target (§16.6 step 7, RFC 5626 §5.3)."""

from __future__ import annotations

from proxy.core.facts import Target
from proxy.core.forwarding import next_uri_for
from proxy.core.phones import is_dead
from proxy.core.routing import Routed
from sip.message.uri import Uri
from sip.transport.flow import Flow


def way_on(routed: Routed, target: Target) -> Flow | Uri | None:
    """The open flow to send it on, else the URI whose host is the next hop; None when nothing but a flow would do that
    is gone, or may not carry it. BadMessage for a malformed Route."""
    if is_dead(target):
        return None
    if not routed.routes:
        flow = target.flow
        if isinstance(flow, Flow) and flow.is_open and flow.may_carry(target.uri.scheme):
            return flow
        if target.is_flow_only and not target.routes:
            return None
    return next_uri_for(routed, target)
