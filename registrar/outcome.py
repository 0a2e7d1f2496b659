"""What the registrar decides about a REGISTER: a refusal, or what changes and what the 200 says. Pure."""

from __future__ import annotations

from collections.abc import Callable

from registrar.outbound import OPTION
from sip.decision import Step, Steps
from sip.location import Binding, BindingChanges

Fields = list[tuple[str, str]]


class Refused:
    """A final response other than 2xx, and the step that asks for it."""

    __slots__ = ("fields", "reason", "section", "status")

    def __init__(self, status: int, reason: str, section: str, fields: Fields | None = None) -> None:
        self.status = status
        self.reason = reason
        self.section = section
        self.fields = fields or []

    def steps(self) -> Steps:
        """The decision record."""
        return [Step(f"Refused with {self.status}: {self.reason}", "", self.section)]


class Registered:
    """A 200: what changes, and every binding there is then.

    ``reasons`` are sentences for bindings, by id, that change for another reason than that their contact was named.
    ``is_outbound``: the phone is now reached by the flow of this request (RFC 5626 §6), which it should use at least
    every ``flow_timer`` seconds (0: it knows best). ``wants_gruu``: it asks for GRUUs (RFC 5627 §4.1).
    """

    __slots__ = ("changes", "current", "flow_timer", "is_outbound", "path", "reasons", "wants_gruu")

    def __init__(
        self,
        changes: BindingChanges,
        current: list[Binding],
        path: tuple[str, ...] = (),
        reasons: dict[int, str] | None = None,
    ) -> None:
        self.changes = changes
        self.current = current
        self.path = path
        self.reasons = reasons or {}
        self.is_outbound = False
        self.flow_timer = 0
        self.wants_gruu = False

    def fields(self, now: float, gruus_of: Callable[[Binding], str] | None = None) -> Fields:
        """Header fields of the 200 (step 8, RFC 3327 §5.3), but for Date.

        ``gruus_of`` gives the parameters with the GRUUs of a binding; they are given for every phone that has named its
        instance (RFC 5627 §5.2).
        """
        if gruus_of is not None and self.wants_gruu:
            fields = [("Contact", printed(one, now, gruus_of(one))) for one in self.current]
        else:
            fields = [("Contact", printed(binding, now)) for binding in self.current]
        if self.path:
            fields += [("Path", value) for value in self.path]
        if self.is_outbound:
            fields.append(("Require", OPTION))
            if self.flow_timer:
                fields.append(("Flow-Timer", str(self.flow_timer)))
        return fields

    def steps(self) -> Steps:
        """The decision record, made when somebody asks."""
        changes, steps = self.changes, []
        for word, bindings in (("Added", changes.added), ("Refreshed", changes.updated), ("Removed", changes.removed)):
            for binding in bindings:
                why = self.reasons.get(binding.id)
                text = f"{word} {binding.contact}" + (f": {why}" if why else "")
                steps.append(Step(text, "", "10.3 step 7"))
        if not steps:
            steps = [Step("Nothing to change: a query", "R22", "10.2.3")]
        return [*steps, Step(f"200 lists {len(self.current)} current bindings", "R21", "10.3 step 8")]


def printed(binding: Binding, now: float, more: str = "") -> str:
    """Contact value of a 200: the URI and parameters as the phone gave them, ``more``, and the seconds that remain."""
    # Whole seconds, rounded down but for the dust of float sums: never more than granted, never 0 while it lives.
    remaining = max(1, int(binding.expires_at - now + 0.001))
    q = "" if binding.q == 1.0 else f";q={binding.q:g}"
    return f"<{binding.contact}>{q}{binding.contact_parameters}{more};expires={remaining}"
