"""What the registrar decides about a REGISTER: a refusal, or what changes and what the 200 says. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from registrar.outbound import OPTION
from sip.decision import Step, Steps
from sip.location import Binding, BindingChanges
from sip.message.address import Address
from sip.message.params import printable

Fields = list[tuple[str, str]]


class Refused:
    """A final response other than 2xx, the step that asks for it, and the acceptance rule (as in ``Step``)."""

    __slots__ = ("fields", "reason", "rule", "section", "status")

    def __init__(self, status: int, reason: str, section: str, fields: Fields | None = None, rule: str = "") -> None:
        self.status = status
        self.reason = reason
        self.section = section
        self.fields = fields or []
        self.rule = rule

    def steps(self) -> Steps:
        """The decision record."""
        return [Step(f"Refused with {self.status}: {self.reason}", self.rule, self.section)]


class Judged(NamedTuple):
    """One Contact of the request: seconds asked for and granted, and the binding that it was, if any."""

    address: Address
    requested: int
    granted: int
    existing: Binding | None

    def step(self, has_expires_field: bool) -> Step:
        """Which binding it is and how long it stays."""
        contact, existing = printable(self.address.uri_text, 80), self.existing
        if existing is None:
            known, rule = "new", "R23"
        elif existing.reg_id and "reg-id" in self.address.params:
            known, rule = "known by its instance and reg-id", "R32"
        else:
            known, rule = "known by its URI", "R23"
        if not self.requested:
            return Step(f"{contact} ({known}) is to go", "R20", "10.3 step 7")
        if "expires" in self.address.params:
            origin = "its own expires parameter"
        else:
            origin = "the Expires header field" if has_expires_field else "nobody: the domain's usual time"
        rule = rule if self.granted == self.requested else "R16"
        text = f"{contact} ({known}): {self.requested} s asked for by {origin}, {self.granted} s granted"
        return Step(text, rule, "10.3 step 7")


class Registered:
    """A 200: what changes, and every binding there is then.

    ``reasons`` are sentences for bindings, by id, that change for another reason than that their contact was named.
    ``is_outbound``: the phone is now reached by the flow of this request (RFC 5626 §6), which it should use at least
    every ``flow_timer`` seconds (0: it knows best). ``wants_gruu``: it asks for GRUUs (RFC 5627 §4.1).
    ``service_route`` is told to the phone (RFC 3608 §6.3). ``is_repeated``: this was done before.
    """

    __slots__ = (
        "changes",
        "current",
        "flow_timer",
        "has_expires_field",
        "is_outbound",
        "is_repeated",
        "judged",
        "path",
        "reasons",
        "service_route",
        "wants_gruu",
    )

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
        self.service_route = ""
        self.is_repeated = False
        self.has_expires_field = False
        self.judged: list[Judged] = []

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
        if self.service_route:
            fields.append(("Service-Route", self.service_route))
        if self.is_outbound:
            fields.append(("Require", OPTION))
            if self.flow_timer:
                fields.append(("Flow-Timer", str(self.flow_timer)))
        return fields

    def steps(self) -> Steps:
        """The decision record, made when somebody asks."""
        changes = self.changes
        steps = [one.step(self.has_expires_field) for one in self.judged]
        if self.is_repeated:
            text = "The same Call-ID and CSeq again: taken for a repetition, and nothing is done twice"
            steps.append(Step(text, "R18", "10.3 step 7"))
        for word, bindings in (("Added", changes.added), ("Refreshed", changes.updated), ("Removed", changes.removed)):
            for binding in bindings:
                why = self.reasons.get(binding.id)
                text = f"{word} {printable(binding.contact, 80)}" + (f": {why}" if why else "")
                steps.append(Step(text, "", "10.3 step 7"))
        if self.path:
            steps.append(Step(f"Calls go by its Path: {printable(', '.join(self.path), 160)}", "R31", "RFC 3327 5.3"))
        if self.is_outbound:
            steps.append(Step("The phone keeps this flow and is called on it", "R32", "RFC 5626 6"))
        if self.wants_gruu:
            steps.append(Step("Phones that name their instance get addresses of their own", "R33", "RFC 5627 5.2"))
        if self.service_route:
            steps.append(Step("The phone is told which way to send its requests", "", "RFC 3608 6.3"))
        if not steps:
            steps = [Step("Nothing to change: a query", "R22", "10.2.3")]
        return [*steps, Step(f"200 lists {len(self.current)} current bindings", "R21", "10.3 step 8")]


def printed(binding: Binding, now: float, more: str = "") -> str:
    """Contact value of a 200: the URI and parameters as the phone gave them, ``more``, and the seconds that remain."""
    # Whole seconds, rounded down but for the dust of float sums: never more than granted, never 0 while it lives.
    remaining = max(1, int(binding.expires_at - now + 0.001))
    q = "" if binding.q == 1.0 else f";q={binding.q:g}"
    return f"<{binding.contact}>{q}{binding.contact_parameters}{more};expires={remaining}"
