"""A routing rule as a form: targets one a line, everything else as the model describes it."""

from __future__ import annotations

from typing import Any

from django import forms

from proxy.models import RoutingRule


class RoutingRuleForm(forms.ModelForm):
    """What the rule looks at, then what it does. The model judges the whole (``proxy.rule_rows.check_rule``)."""

    targets = forms.CharField(
        required=False, widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text="SIP URIs, one a line, or <URI>;q=0.5. The user's own phones when empty.",
    )  # fmt: skip

    GROUPS = (
        ("Rule", ("priority", "description", "enabled")),
        ("When", ("domain", "user_pattern", "method", "source_cidr", "caller")),
        ("Then", ("action", "fork", "targets", "reject_code")),
    )

    class Meta:
        model = RoutingRule
        fields = (
            "priority", "description", "enabled", "domain", "user_pattern", "method", "source_cidr", "caller",
            "action", "fork", "targets", "reject_code",
        )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["domain"].empty_label = "any domain"
        self.initial["targets"] = "\n".join(self.instance.targets or ())

    def clean_targets(self) -> list[str]:
        return [line.strip() for line in self.cleaned_data["targets"].splitlines() if line.strip()]

    @property
    def groups(self) -> list[tuple[str, list[forms.BoundField]]]:
        return [(title, [self[name] for name in names]) for title, names in self.GROUPS]
