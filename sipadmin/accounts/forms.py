"""Forms of the accounts pages."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth import get_user_model, password_validation
from django.utils import timezone

from sipadmin.accounts.models import HIGHEST_RATE_LIMIT, RATE_LIMIT, SCOPES, ApiToken
from sipadmin.accounts.roles import is_last_administrator
from sipadmin.accounts.tokens import parse_networks


def new_username(text: str) -> str:
    """The name as it is stored, which no account has yet in any case of letters; ValidationError when it cannot be."""
    account = get_user_model()
    name = account.normalize_username(text)
    if account.objects.filter(username__iexact=name).exists():
        raise forms.ValidationError("There is already an account with this name.")
    account._meta.get_field("username").run_validators(name)
    return str(name)


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
        return new_username(self.cleaned_data["username"])

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
    networks = forms.CharField(
        required=False, max_length=4000, label="Allowed networks", widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Where it may be used from, such as 192.0.2.0/24 2001:db8::/32. Anywhere, when empty.",
    )  # fmt: skip
    rate_limit = forms.IntegerField(
        min_value=1, max_value=HIGHEST_RATE_LIMIT, initial=RATE_LIMIT, required=False, label="Requests a minute",
        help_text=f"{RATE_LIMIT}, when empty.",
    )  # fmt: skip

    def clean_networks(self) -> list[str]:
        try:
            return parse_networks(self.cleaned_data["networks"].replace(",", " ").split())
        except ValueError as error:
            raise forms.ValidationError(f"Not saved: {error}.") from None

    def clean_rate_limit(self) -> int:
        return self.cleaned_data["rate_limit"] or RATE_LIMIT

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


class CodeForm(forms.Form):
    """The first code of an authenticator."""

    code = forms.CharField(
        max_length=12, label="Code",
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
        help_text="The six digits that the app shows now.",
    )  # fmt: skip


class OwnPasswordForm(forms.Form):
    """One's own password, asked again."""

    password = forms.CharField(
        strip=False, label="Your password", widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )

    def __init__(self, account: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.account = account

    def clean_password(self) -> str:
        if not self.account.check_password(self.cleaned_data["password"]):
            raise forms.ValidationError("This is not your password.")
        return str(self.cleaned_data["password"])


class AccountForm(forms.Form):
    """A console account; of one that is there (``account``) the name stays and the password may."""

    ADMINISTRATOR, OPERATOR = "administrator", "operator"

    username = forms.CharField(max_length=150, label="User name", widget=forms.TextInput(attrs={"autocomplete": "off"}))
    role = forms.ChoiceField(
        choices=[(OPERATOR, "Operator: watches, changes nothing"), (ADMINISTRATOR, "Administrator: may do everything")],
        widget=forms.RadioSelect, initial=OPERATOR,
    )  # fmt: skip
    password = forms.CharField(
        strip=False, max_length=256, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="At least 8 characters, and not a common word.",
    )  # fmt: skip
    enabled = forms.BooleanField(required=False, initial=True, label="May log in")

    def __init__(self, *args: Any, account: Any = None, **kwargs: Any) -> None:
        if account is not None:
            role = self.ADMINISTRATOR if account.is_superuser else self.OPERATOR
            kwargs.setdefault("initial", {"role": role, "enabled": account.is_active})
        super().__init__(*args, **kwargs)
        self.account = account
        if account is not None:
            del self.fields["username"]
            self.fields["password"].required = False
            self.fields["password"].label = "New password"
            self.fields["password"].help_text = "It stays as it is when this is empty. A new one ends the sessions."

    def clean_username(self) -> str:
        return new_username(self.cleaned_data["username"])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("password"):
            try:
                password_validation.validate_password(
                    cleaned["password"], self.account or get_user_model()(username=cleaned.get("username", ""))
                )
            except forms.ValidationError as error:
                self.add_error("password", error)
        keeps = cleaned.get("role") == self.ADMINISTRATOR and cleaned.get("enabled")
        if self.account is not None and not keeps and is_last_administrator(self.account):
            self.add_error("role", "This is the last administrator; make another one first.")
        return cleaned

    def values(self) -> dict[str, Any]:
        """Columns of an account, with the password as text."""
        found = {
            "is_superuser": self.cleaned_data["role"] == self.ADMINISTRATOR,
            "is_active": self.cleaned_data["enabled"],
            "password": self.cleaned_data["password"],
        }
        return found if self.account is not None else {"username": self.cleaned_data["username"], **found}
