"""The decision record of one REGISTER: each step of §10.3, what it found and by which rule. Pure.

Made for every request, told to whoever asked for it (``RegistrarHandler.explain_to``), and turned into sentences only
when somebody wants them.
"""

from __future__ import annotations

from collections.abc import Callable

from registrar.outcome import Refused, Registered
from sip.decision import Step, Steps
from sip.message.messages import Request
from sip.message.params import printable
from sip.transport.flow import Flow

ExplainTo = Callable[["Explanation"], None]


class Explanation:
    """What became of one REGISTER. Complete when it is told.

    ``at`` is loop time; ``domain`` the name of ours that was meant; ``username`` whose password was right, empty when
    nobody has shown one; ``aor`` whose bindings it was about, empty where that was not found out.
    ``outcome`` is None while the phone was merely asked for its password: no failure, and nothing to keep.
    """

    __slots__ = (
        "algorithm",
        "aor",
        "at",
        "domain",
        "flow",
        "has_auth",
        "is_by_rule",
        "outcome",
        "realm",
        "reason",
        "request",
        "status",
        "username",
    )

    def __init__(self, request: Request, flow: Flow, domain: str, realm: str, has_auth: bool, at: float) -> None:
        self.request = request
        self.flow = flow
        self.domain = domain
        self.realm = realm
        self.has_auth = has_auth
        self.at = at
        self.username = ""
        self.algorithm = ""
        self.aor = ""
        self.is_by_rule = False
        self.status = 0
        self.reason = ""
        self.outcome: Refused | Registered | None = None

    def steps(self) -> Steps:
        """The record, in the order of §10.3."""
        steps = [Step(f"{printable(self.domain, 80)} is a domain of this server", "R02", "10.3 step 1")]
        if self.request.has("require") and (self.aor or self.username or self.status == 401):
            steps.append(Step("Every extension that the request requires is known", "R04", "10.3 step 2"))
        if self.username:
            how = f"{self.algorithm or 'MD5'}, realm {printable(self.realm, 80)}"
            steps.append(Step(f"{printable(self.username)} gave the right password ({how})", "R35", "10.3 step 3"))
        elif not self.has_auth and self.aor:
            steps.append(Step("The domain asks nobody for a password", "", "10.3 step 3"))
        if self.aor:
            shown = printable(self.aor, 80)
            if self.is_by_rule:
                steps.append(Step(f"A rule lets {printable(self.username)} register for {shown}", "R06", "10.3 step 4"))
            steps.append(Step(f"The bindings are those of {shown}", "R10", "10.3 step 5"))
        if self.outcome is not None:
            steps += self.outcome.steps()
        else:
            steps.append(Step(f"Asked for a password: {self.status}", "R05", "22.2"))
        return steps
