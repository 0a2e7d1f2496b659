"""One decision as a value: what was decided, by which rule, in which section. For registrar and proxy."""

from __future__ import annotations

from typing import NamedTuple


class Step(NamedTuple):
    """One decision. ``rule`` is the acceptance rule's id, ``section`` of RFC 3261 unless it names another."""

    text: str
    rule: str = ""
    section: str = ""


Steps = list[Step]
