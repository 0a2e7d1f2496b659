"""The groups of targets of one request: whose turn it is, how the breadth is shared, where a late phone gets in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from proxy.choices import PROXY_PARALLEL, PROXY_SEQUENTIAL
from proxy.core.branch import Branch
from proxy.core.facts import Target

LATE_PART = 6  # one part in six of the breadth is kept for phones that register while it rings


class TargetGroups:
    """``breadth`` is what was received (RFC 5393 §5.3.3); ``keeps_some`` where phones may join late."""

    __slots__ = ("_kept", "_waiting", "breadth", "current", "number")

    def __init__(self, groups: Sequence[Sequence[Target]], breadth: int, *, keeps_some: bool = False) -> None:
        self.breadth = breadth
        self.number = -1  # of the group that started last
        self.current: Sequence[Target] = ()
        self._waiting = list(groups)
        self._kept = breadth // LATE_PART if keeps_some else 0

    @property
    def has_next(self) -> bool:
        return bool(self._waiting)

    def knows(self, target: Target) -> bool:
        """Whether the target waits already (P06)."""
        return any(target.uri.equals(other.uri) for group in self._waiting for other in group)

    def put_next(self, groups: Iterable[Sequence[Target]]) -> None:
        """Before all that waits: what a redirection named (§16.7 step 4)."""
        self._waiting[:0] = groups

    def free(self, branches: Iterable[Branch]) -> int:
        """Breadth that no branch holds."""
        free = self.breadth
        for branch in branches:
            if branch.is_pending:
                free -= branch.breadth
        return free

    def start(self, branches: Iterable[Branch]) -> list[tuple[Target, int]]:
        """The next group with the breadth of each target, or as much of it as there is breadth for; [] when there is
        none at all now."""
        free = self.free(branches)
        if free < 1:
            return []
        targets = self._waiting[0]
        if len(targets) > free:
            self._waiting[0] = targets[free:]
            targets = targets[:free]
        else:
            del self._waiting[0]
        self.number += 1
        self.current = targets
        left = len(targets)
        # Later groups keep something, so that they need not wait for branches that are slow to end.
        free = max(left, free - self._kept - sum(map(len, self._waiting)))
        shares = []
        for target in targets:
            breadth = free // left
            free -= breadth
            left -= 1
            shares.append((target, breadth))
        return shares

    def join(self, target: Target, action: str, branches: Iterable[Branch], *, is_ringing: bool) -> bool:
        """A target that comes late: True when it rings at once with a breadth of 1, else it waits for its turn.

        ``action`` is the policy that ordered the groups; ``is_ringing``: the current group's time is not over.
        """
        place = self._place(target, action) if is_ringing else 0
        if place is None and self.free(branches) > 0:
            self.current = [*self.current, target]
            return True
        place = place or 0
        waiting = self._waiting
        if action != PROXY_SEQUENTIAL and place < len(waiting) and waiting[place][0].q == target.q:
            waiting[place] = [*waiting[place], target]
        else:
            waiting.insert(place, [target])
        return False

    def _place(self, target: Target, action: str) -> int | None:
        """Index among the waiting groups, None for the current one."""
        if action == PROXY_PARALLEL:
            return None
        if action != PROXY_SEQUENTIAL and target.q >= min(one.q for one in self.current):
            return None
        place = 0
        for group in self._waiting:
            is_before = group[0].q >= target.q if action == PROXY_SEQUENTIAL else group[0].q > target.q
            if not is_before:
                break
            place += 1
        return place
