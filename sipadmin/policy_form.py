"""Delivery policy as form fields: what to do, with which URI or code, and for how long phones ring."""

from __future__ import annotations

from typing import Any

from django import forms

from proxy.choices import FORWARD, INHERIT, LABELS, REFUSE, parse_policy


class PolicyFields(forms.Form):
    """Mixed into the forms of users, domains and the server. ``cleaned_data["policy"]`` is the written form."""

    policy_action = forms.ChoiceField(label="Delivery policy")
    policy_argument = forms.CharField(
        required=False, max_length=256, label="URI or status code", strip=True,
        help_text="For forward: a SIP URI, such as sip:desk@example.org. For refuse: a code, such as 486.",
    )  # fmt: skip
    ring_time = forms.IntegerField(
        required=False, min_value=1, max_value=3600, label="Ring time",
        help_text="Seconds that phones ring before the next group or the end. Inherited when empty.",
    )  # fmt: skip

    may_inherit = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["policy_action"].choices = [
            (action, label) for action, label in LABELS.items() if self.may_inherit or action != INHERIT
        ]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        action, argument = cleaned.get("policy_action"), cleaned.get("policy_argument", "")
        if action is None:
            return cleaned
        text = f"{action}:{argument}" if action in (FORWARD, REFUSE) else action
        try:
            cleaned["policy"] = str(parse_policy(text))
        except ValueError as error:
            self.add_error("policy_argument", str(error))
        return cleaned

    @staticmethod
    def policy_initial(policy: str, ring_time: int | None) -> dict[str, Any]:
        action, argument = parse_policy(policy)
        return {"policy_action": action, "policy_argument": argument, "ring_time": ring_time}


def make_read_only(form: forms.Form) -> None:
    """For operators: they see every value and can change none."""
    for field in form.fields.values():
        field.disabled = True
