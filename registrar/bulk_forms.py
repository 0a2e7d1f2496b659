"""Forms for many users at once."""

from __future__ import annotations

from typing import Any

from django import forms

from registrar.models import Domain
from sipadmin.import_jobs import LARGEST_FILE
from sipadmin.policy_form import PolicyFields

ENABLE, DISABLE, POLICY = "enable", "disable", "policy"


class BulkForm(PolicyFields):
    """What to do with the chosen users. The policy counts only where the policy is to be set."""

    do = forms.ChoiceField(choices=[(ENABLE, "Enable"), (DISABLE, "Disable"), (POLICY, "Set policy")])
    ring_time = None  # type: ignore[assignment]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["policy_action"].required = False

    def clean(self) -> dict[str, Any]:
        if self.cleaned_data.get("do") != POLICY:
            return self.cleaned_data
        if not self.cleaned_data.get("policy_action"):
            self.add_error("policy_action", "Choose a policy.")
            return self.cleaned_data
        return super().clean()

    def cells(self) -> dict[str, str]:
        """Texts by column of user_table."""
        if self.cleaned_data["do"] == POLICY:
            return {"policy": self.cleaned_data["policy"]}
        return {"enabled": "on" if self.cleaned_data["do"] == ENABLE else "off"}

    def sentence(self, count: int) -> str:
        users = f"{count} user{' is' if count == 1 else 's are'}"
        match self.cleaned_data["do"]:
            case "enable":
                return f"{users} enabled."
            case "disable":
                return f"{users} disabled: their contacts drop and calls get a refusal."
        return f"{count} user{' has' if count == 1 else 's have'} the policy {self.cleaned_data['policy']}."


class ImportForm(forms.Form):
    """A table of users for one domain."""

    domain = forms.ModelChoiceField(queryset=Domain.objects.order_by("name"), empty_label=None)
    file = forms.FileField(
        label="CSV file", widget=forms.ClearableFileInput(attrs={"accept": ".csv,text/csv"}),
        help_text="UTF-8, comma or semicolon, the first line names the columns.",
    )  # fmt: skip

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > LARGEST_FILE:
            raise forms.ValidationError(f"The file is larger than {LARGEST_FILE // 1024 // 1024} MB. Split it.")
        return file
