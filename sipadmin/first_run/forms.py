"""Forms of the first run: one question a page."""

from __future__ import annotations

from typing import Any

from django import forms

from registrar.columns import host_validator, username_validator
from registrar.models import Domain, SipUser

THIS_MACHINE, NETWORK = "machine", "network"


class ReachForm(forms.Form):
    """Who may reach the SIP server."""

    reach = forms.ChoiceField(
        choices=[
            (THIS_MACHINE, "This machine only: softphones on it, tests"),
            (NETWORK, "My network: desk phones and softphones on other machines"),
        ],
        widget=forms.RadioSelect,
        initial=THIS_MACHINE,
        label="Who should reach this SIP server?",
    )
    addresses = forms.MultipleChoiceField(
        required=False, widget=forms.CheckboxSelectMultiple, label="Addresses of this machine"
    )
    port = forms.IntegerField(min_value=1, max_value=65535, initial=5060, help_text="5060 is what phones expect.")

    def __init__(self, *args: Any, addresses: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["addresses"].choices = [(one, one) for one in addresses]
        if not addresses:
            del self.fields["addresses"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("reach") == NETWORK:
            if "addresses" not in self.fields:
                self.add_error("reach", "This machine has no address on a network that the server could listen on.")
            elif not cleaned.get("addresses") and "addresses" not in self.errors:
                self.add_error("addresses", "Tick at least one.")
        return cleaned


class FirstDomainForm(forms.Form):
    name = forms.CharField(
        max_length=253, validators=[host_validator], label="Domain",
        help_text="What stands after the @ in an address. A name you own, this machine's address, or sip.local.",
    )  # fmt: skip

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"]).strip().lower()
        if Domain.objects.filter(name=name).exists():
            raise forms.ValidationError("There is already a domain with this name.")
        return name


class FirstUserForm(forms.Form):
    username = forms.CharField(
        max_length=128, validators=[username_validator], label="User name",
        help_text="A first name or a number, such as alice or 101. The password is made for you.",
    )  # fmt: skip
    display_name = forms.CharField(required=False, max_length=120)

    def __init__(self, *args: Any, domain: Domain, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.domain = domain

    def clean_username(self) -> str:
        name = str(self.cleaned_data["username"])
        if SipUser.objects.filter(domain=self.domain, username=name).exists():
            raise forms.ValidationError(f"There is already a user {name} in {self.domain.name}.")
        return name
