"""What is kept of calls and refused requests, and what that costs."""

from __future__ import annotations

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views import View

from proxy.models import RecordingSettings
from proxy.recording import cost, save_rules
from proxy.trace.levels import RecordingRules
from proxy.trace.rows import load_rules
from sipadmin.accounts.roles import AdministratorWrites, is_administrator
from sipadmin.activation import say_saved
from sipadmin.bus import EngineUnavailable, engine_command
from sipadmin.policy_form import make_read_only


class RecordingForm(forms.ModelForm):
    class Meta:
        model = RecordingSettings
        fields = RecordingRules._fields
        labels = {
            "level": "Messages of calls",
            "other_bodies": "Also bodies that are no SDP",
            "message_days": "Days that messages are kept",
            "message_megabytes": "Megabytes of messages at most",
            "call_days": "Days that call attempts are kept",
            "call_count": "Call attempts at most",
            "request_days": "Days that refused requests are kept",
        }
        help_texts = {
            "level": "Digests, keys and passwords are masked before anything is stored.",
            "other_bodies": "Texts of messages, and digits that were dialled during a call: PINs among them.",
            "message_megabytes": "The oldest calls go first, each whole.",
            "request_days": "And what was decided about REGISTERs.",
        }
        widgets = {"level": forms.RadioSelect}


class RecordingView(AdministratorWrites, View):
    """Settings, use of space, and what was left out."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.page(request, RecordingForm(initial=load_rules()._asdict()))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = RecordingForm(request.POST)
        if form.is_valid():
            save_rules(**form.cleaned_data)
            say_saved(request)
            return redirect("recording")
        return self.page(request, form, status=422)

    def page(self, request: HttpRequest, form: RecordingForm, status: int = 200) -> HttpResponse:
        if not is_administrator(request.user):
            make_read_only(form)
        try:
            counters = engine_command("ping", timeout=1.0).get("recorder", {})
        except EngineUnavailable:
            counters = {}
        context = {"page": "system", "tab": "recording", "form": form, "cost": cost(), "counters": counters}
        return render(request, "proxy/recording.html", context, status=status)
