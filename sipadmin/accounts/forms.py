"""Forms of the accounts pages."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth import get_user_model, password_validation
from django.utils import timezone

from sipadmin.accounts.models import SCOPES, ApiToken


class FirstAdministratorForm(forms.Form):
    """Name and password of the first administrator."""

    username = forms.CharField(
        max_length=150, label="User name", widget=forms.TextInput(attrs={"autocomplete": "username"})
    )
    password = forms.CharField(
        strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="At least 8 characters, and not a common word.",
    )  # fmt: skip
    again = forms.CharField(
        strip=False, label="Password again", widget=forms.PasswordInput(attrs={"autocomplete": "new-password"})
    )

    def clean_username(self) -> str:
        account = get_user_model()
        name = account.normalize_username(self.cleaned_data["username"])
        if account.objects.filter(username__iexact=name).exists():
            raise forms.ValidationError("There is already an account with this name.")
        account._meta.get_field("username").run_validators(name)
        return name

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        password = cleaned.get("password")
        if password and cleaned.get("again") != password:
            self.add_error("again", "The two passwords differ.")
        elif password:
            try:
                password_validation.validate_password(password)
            except forms.ValidationError as error:
                self.add_error("password", error)
        return cleaned


class TokenForm(forms.Form):
    """A new API token."""

    name = forms.CharField(max_length=80, help_text="What will use it, such as “provisioning script”.")
    scopes = forms.MultipleChoiceField(
        choices=[(scope, scope) for scope in SCOPES], required=False, widget=forms.CheckboxSelectMultiple,
        help_text="Tick none to allow everything.",
    )  # fmt: skip
    expires_at = forms.DateTimeField(
        required=False,
        label="Expires",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d"],
        help_text="UTC. Never, when empty.",
    )

    def clean_name(self) -> str:
        name = self.cleaned_data["name"].strip()
        if ApiToken.objects.filter(name=name).exists():
            raise forms.ValidationError("There is already a token with this name.")
        return name

    def clean_expires_at(self) -> Any:
        expires_at = self.cleaned_data["expires_at"]
        if expires_at is not None and expires_at <= timezone.now():
            raise forms.ValidationError("This time has passed.")
        return expires_at
