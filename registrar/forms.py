"""Forms of the pages for domains, users and third-party rules."""

from __future__ import annotations

import secrets
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils import timezone
from django.utils.text import capfirst

from registrar.call_forwarding import FORWARDING
from registrar.columns import LARGEST_NUMBER, host_validator, username_validator
from registrar.domain_settings import GROUPS, SETTINGS
from registrar.models import Domain, SipUser, ThirdPartyRule
from sipadmin.policy_form import PolicyFields
from sipadmin.rest.serializers import find_user


def split_names(text: str) -> list[str]:
    return text.replace(",", " ").split()


def generate_password() -> str:
    """120 random bits in characters that a phone's keypad and a tired reader can manage."""
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(alphabet) for _ in range(5)) for _ in range(5))


def setting_field(name: str) -> forms.Field:
    """A setting of a domain as the model describes it, with the bounds that its validators hold."""
    column = Domain._meta.get_field(name)
    options: dict[str, Any] = {}
    for validator in column.validators:
        if isinstance(validator, MinValueValidator):
            options["min_value"] = validator.limit_value
        elif isinstance(validator, MaxValueValidator):
            options["max_value"] = validator.limit_value
    if column.choices:
        return forms.ChoiceField(
            choices=column.choices,
            initial=column.get_default(),
            label=capfirst(column.verbose_name),
            help_text=column.help_text,
        )
    return column.formfield(**options)


class DomainForm(PolicyFields):
    """Everything that is set for a domain."""

    name = forms.CharField(max_length=253, validators=[host_validator], help_text="As in sip:bob@example.org")
    aliases = forms.CharField(
        required=False, label="Alias names", help_text="Other names of the same domain, separated by spaces."
    )

    field_order = ["name", "aliases", "description", "enabled", "policy_action", "policy_argument", "ring_time"]

    def __init__(self, *args: Any, domain: Domain | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields.update({name: setting_field(name) for name in SETTINGS})
        self.order_fields(self.field_order)
        self.domain = domain
        if domain is not None:
            self.fields["name"].disabled = True
            self.fields["name"].help_text = "A domain keeps its name: passwords are stored for it."

    @property
    def groups(self) -> list[tuple[str, list[forms.BoundField]]]:
        """Fields by subject, as the page shows them."""
        groups = {title: [self[name] for name in names] for title, names in GROUPS.items()}
        named = {name for names in GROUPS.values() for name in names}
        policy = [self[name] for name in self.fields if name not in named and name not in ("name", "aliases")]
        groups["Domain"] = [self["name"], self["aliases"], *groups["Domain"]]
        return [("Domain", groups.pop("Domain")), ("Calls", policy), *groups.items()]

    @classmethod
    def initial_of(cls, domain: Domain, policy: str, ring_time: int | None) -> dict[str, Any]:
        return {
            "name": domain.name,
            "aliases": " ".join(domain.aliases.values_list("name", flat=True)),
            **{column: getattr(domain, column) for column in SETTINGS},
            **cls.policy_initial(policy, ring_time),
        }

    def clean_name(self) -> str:
        name = self.cleaned_data["name"].strip().lower()
        if self.domain is None and Domain.objects.filter(name=name).exists():
            raise forms.ValidationError("There is already a domain with this name.")
        return name

    def clean_aliases(self) -> list[str]:
        names = [name.lower() for name in split_names(self.cleaned_data["aliases"])]
        for name in names:
            host_validator(name)
        return names

    def values(self) -> dict[str, Any]:
        """Arguments of provisioning.save_domain."""
        names = ["name", "aliases", "policy", "ring_time", *SETTINGS]
        return {name: self.cleaned_data[name] for name in names}


class UserForm(PolicyFields):
    """A user's settings. The password has its own form, except for a new user."""

    GENERATE, SET = "generate", "set"

    domain = forms.ModelChoiceField(queryset=Domain.objects.all(), empty_label=None)
    username = forms.CharField(max_length=128, validators=[username_validator], label="User name", strip=True)
    display_name = forms.CharField(required=False, max_length=120)
    enabled = forms.BooleanField(required=False, initial=True)
    password_mode = forms.ChoiceField(
        choices=[(GENERATE, "Generate one and show it once"), (SET, "Set it here")], widget=forms.RadioSelect,
        initial=GENERATE, label="Password",
    )  # fmt: skip
    password = forms.CharField(
        required=False, max_length=256, strip=False, label="Password to set",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )  # fmt: skip
    aliases = forms.CharField(required=False, help_text="Other names or numbers of this user, separated by spaces.")
    max_contacts = forms.IntegerField(
        required=False, min_value=1, max_value=LARGEST_NUMBER, label="Phones at most",
        help_text="The domain's limit when empty.",
    )  # fmt: skip
    may_watch = forms.BooleanField(
        required=False, label="May watch registrations",
        help_text="Of every user of the domain, by SUBSCRIBE; everybody may watch their own.",
    )  # fmt: skip

    field_order = [
        "domain", "username", "display_name", "enabled", "password_mode", "password", "policy_action",
        "policy_argument", "ring_time", *FORWARDING, "aliases", "max_contacts", "may_watch",
    ]  # fmt: skip

    def __init__(self, *args: Any, user: SipUser | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields.update({name: SipUser._meta.get_field(name).formfield() for name in FORWARDING})
        self.order_fields(self.field_order)
        self.user = user
        if user is not None:
            for name in ("domain", "username", "password_mode", "password"):
                del self.fields[name]

    @classmethod
    def initial_of(cls, user: SipUser, policy: str, ring_time: int | None) -> dict[str, Any]:
        return {
            "display_name": user.display_name,
            "enabled": user.enabled,
            "aliases": " ".join(user.aliases.values_list("name", flat=True)),
            "max_contacts": user.max_contacts,
            "may_watch": user.may_watch,
            **{name: getattr(user, name) for name in FORWARDING},
            **cls.policy_initial(policy, ring_time),
        }

    def clean_aliases(self) -> list[str]:
        names = split_names(self.cleaned_data["aliases"])
        for name in names:
            username_validator(name)
        return names

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if self.user is None:
            domain, username = cleaned.get("domain"), cleaned.get("username")
            if domain and username and SipUser.objects.filter(domain=domain, username=username).exists():
                self.add_error("username", "There is already a user with this name in this domain.")
            if cleaned.get("password_mode") == self.SET and not cleaned.get("password"):
                self.add_error("password", "Enter a password, or let one be generated.")
        return cleaned

    def values(self) -> dict[str, Any]:
        """Arguments of provisioning.save_user, without who it is and the password."""
        names = ["display_name", "enabled", "aliases", "max_contacts", "may_watch", "policy", "ring_time", *FORWARDING]
        return {name: self.cleaned_data[name] for name in names}


class PasswordForm(forms.Form):
    """A new password for a user: generated when nothing is entered."""

    password = forms.CharField(
        required=False, max_length=256, strip=False, label="New password",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="Leave it empty to have one generated; it is shown once.",
    )  # fmt: skip


class StaticContactForm(forms.Form):
    """A contact that never expires, such as a door station's."""

    contact = forms.CharField(
        max_length=1024, label="Contact", widget=forms.TextInput(attrs={"placeholder": "sip:door@192.0.2.7"}),
        help_text="A URI. Calls go there as to a registered phone, for ever.",
    )  # fmt: skip
    q = forms.FloatField(
        min_value=0, max_value=1, initial=1, label="q", help_text="0 to 1: the higher is called first."
    )
    label = forms.CharField(required=False, max_length=120, help_text="What it is, for the people who read this.")


class ThirdPartyRuleForm(forms.Form):
    """Who else may register for a user."""

    actor = forms.CharField(
        max_length=400, label="User", widget=forms.TextInput(attrs={"placeholder": "alice@example.org"}),
        help_text="Who may register for this user.",
    )  # fmt: skip
    ends_at = forms.DateTimeField(
        required=False, label="Until", widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d"], help_text="UTC. For ever, when empty.",
    )  # fmt: skip

    def __init__(self, *args: Any, target: SipUser, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.target = target

    def clean_actor(self) -> SipUser:
        actor = find_user(self.cleaned_data["actor"])
        if actor is None:
            raise forms.ValidationError("There is no user with this address-of-record.")
        if actor == self.target:
            raise forms.ValidationError("Everybody may register for themselves without a rule.")
        if ThirdPartyRule.objects.filter(actor=actor, target=self.target).exists():
            raise forms.ValidationError("There is already a rule for this user.")
        return actor

    def clean_ends_at(self) -> Any:
        ends_at = self.cleaned_data["ends_at"]
        if ends_at is not None and ends_at <= timezone.now():
            raise forms.ValidationError("This time has passed.")
        return ends_at
