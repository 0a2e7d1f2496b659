"""The decision to forward: which targets, in which order, for how long, and what may come of it later."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from proxy.choices import PROXY, PROXY_PARALLEL, PROXY_SEQUENTIAL
from proxy.core.facts import BindingFacts, Recipient, Target
from sip.message.messages import Response

Joining = Callable[[BindingFacts], Sequence[Target]]
Follow = Callable[[Response], list[list[Target]]]
Fallback = Callable[[int], "Forward | None"]


class Forward:
    """Groups of targets: one group after another, the targets of a group together (§16.6).

    ``ring_time`` is for each group, in seconds. When it is over, the group is cancelled unless ``keeps_ringing``, and
    the next one starts when all of the group has ended, or at once where ``waits`` is False. ``action`` is the policy
    that ordered the groups. ``recipient`` is who rings at the end of a chain of forwards; None outside our domains.

    ``follow`` turns a 3xx into further groups of targets and removes those contacts from it (§16.7 step 4); None passes
    every 3xx on as it is. ``late`` has what makes targets of a binding that appears while it rings, by
    address-of-record. ``fallback`` gives the next decision from the status of the best failure, None to leave it at
    that. ``is_instead``: a redirect server proxies, since the caller could not use what it would be told. ``note`` is
    what else is to be said.
    """

    __slots__ = (
        "action",
        "fallback",
        "follow",
        "groups",
        "is_instead",
        "keeps_ringing",
        "late",
        "note",
        "recipient",
        "ring_time",
        "waits",
    )

    def __init__(
        self,
        groups: list[list[Target]],
        ring_time: float,
        recipient: Recipient | None = None,
        *,
        action: str = PROXY,
        keeps_ringing: bool = False,
        waits: bool = True,
    ) -> None:
        self.groups = groups
        self.ring_time = ring_time
        self.recipient = recipient
        self.action = action
        self.keeps_ringing = keeps_ringing
        self.waits = waits
        self.follow: Follow | None = None
        self.late: dict[str, Joining] = {}
        self.fallback: Fallback | None = None
        self.is_instead = False
        self.note = ""


def group_targets(action: str, targets: Sequence[Target]) -> list[list[Target]]:
    """Target set in the order in which it is tried (§16.6). ``targets`` are highest q first."""
    if action == PROXY_PARALLEL:
        return [list(targets)]
    if action == PROXY_SEQUENTIAL:
        return [[target] for target in targets]
    groups: list[list[Target]] = []
    for target in sorted(targets, key=lambda target: -target.q):
        if groups and groups[-1][0].q == target.q:
            groups[-1].append(target)
        else:
            groups.append([target])
    return groups
