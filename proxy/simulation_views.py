"""The simulator in the console: who calls whom, what would happen and why; and with an edit that nobody has saved."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views import View

from proxy.asking import BadQuestion, ask
from sipadmin.bus import EngineUnavailable
from sipadmin.policy_form import PolicyFields

USER, DOMAIN, SERVER, ARRANGED = "user", "domain", "server", "arranged"
WHAT_IF = {
    "": "nothing: as it is now",
    USER: "the called user had this policy",
    DOMAIN: "his domain had this policy",
    SERVER: "the server had this policy",
    ARRANGED: "the called user had arranged this",
}


class QuestionForm(forms.Form):
    """The question itself; also beside the form of a routing rule."""

    caller = forms.CharField(
        required=False, max_length=2000, label="Caller",
        widget=forms.TextInput(attrs={"placeholder": "alice@example.org"}),
        help_text="Somebody unknown when empty. Users are taken to know their password.",
    )  # fmt: skip
    callee = forms.CharField(
        max_length=2000, label="Called", widget=forms.TextInput(attrs={"placeholder": "bob@example.org"}),
    )  # fmt: skip
    method = forms.CharField(max_length=32, initial="INVITE", required=False)
    source = forms.GenericIPAddressField(required=False, label="From address", help_text="This machine when empty.")
    at = forms.DateTimeField(
        required=False, label="When", widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"], help_text="UTC. Now when empty.",
    )  # fmt: skip

    def answer(self, draft: dict[str, Any] | None = None) -> dict[str, Any] | None:
        """What the engine says; None with an error in the form when it says nothing."""
        values = self.cleaned_data
        at = values["at"].isoformat() if values["at"] else None
        try:
            return ask(values["caller"], values["callee"], values["method"], values["source"], at, draft)
        except (BadQuestion, EngineUnavailable) as error:
            self.add_error(None, str(error))
            return None


class WhatIfForm(PolicyFields):
    """An edit to look at before it is made."""

    what_if = forms.ChoiceField(required=False, label="What if", choices=list(WHAT_IF.items()))
    do_not_disturb = forms.BooleanField(required=False)
    forward_always = forms.CharField(required=False, max_length=256, label="Forward all calls to")
    forward_busy = forms.CharField(required=False, max_length=256, label="When busy, forward to")
    forward_no_answer = forms.CharField(required=False, max_length=256, label="Without an answer, forward to")

    field_order = ["what_if", "policy_action", "policy_argument", "ring_time"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["policy_action"].required = False

    def clean(self) -> dict[str, Any]:
        # A policy that nobody asks about may be as it likes.
        return super().clean() if self.cleaned_data.get("what_if") in (USER, DOMAIN, SERVER) else self.cleaned_data

    def draft(self, callee: str) -> dict[str, Any] | None:
        """As the engine takes it; None for nothing."""
        values = self.cleaned_data
        aor = callee.removeprefix("sip:").removeprefix("sips:")
        what = values["what_if"]
        if what == ARRANGED:
            names = ("do_not_disturb", "forward_always", "forward_busy", "forward_no_answer")
            domain = aor.rpartition("@")[2]
            return {"user": {"aor": aor, **{name: _address(values[name], domain) for name in names}}}
        if not what:
            return None
        policy = {"policy": values.get("policy") or "inherit", "ring_time": values["ring_time"]}
        owner = {USER: {"user": aor}, DOMAIN: {"domain": aor.rpartition("@")[2]}, SERVER: {}}[what]
        return {"policy": {**owner, **policy}}


def _address(value: Any, domain: str) -> Any:
    """An address as people write it, as the engine keeps it."""
    if not isinstance(value, str) or not value or value.lower().startswith(("sip:", "sips:")):
        return value
    return f"sip:{value}" if "@" in value else f"sip:{value}@{domain}"


class SimulatorView(LoginRequiredMixin, View):
    """Works by GET, so that a question can be linked to. For operators too: nothing is changed or sent."""

    def get(self, request: HttpRequest) -> HttpResponse:
        is_asked = "callee" in request.GET
        question = QuestionForm(request.GET if is_asked else None, initial={"method": "INVITE"})
        what_if = WhatIfForm(request.GET if is_asked else None, initial={"policy_action": "proxy"})
        facts = None
        if is_asked and question.is_valid() and what_if.is_valid():
            facts = question.answer(what_if.draft(question.cleaned_data["callee"]))
        status = 200 if not is_asked or facts is not None else 422
        context = {"page": "routing", "question": question, "what_if": what_if, "facts": facts}
        return render(request, "proxy/simulator.html", context, status=status)
