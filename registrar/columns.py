"""Columns that several models or settings have in common, with the bounds that database, form and API hold."""

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models

from registrar.call_forwarding import LONGEST_TARGET
from registrar.choices import words
from registrar.service_route import service_route_problem

LARGEST_NUMBER = 2_147_483_647  # what every database stores

# §19.1.1 host: names and addresses without a port; an IPv6 reference keeps its brackets.
host_validator = RegexValidator(
    r"^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?)$",
    "Enter a host name or address without a port, such as example.org.",
)
# §25.1 user, unescaped: no white space, no control characters, none of the URI delimiters.
username_validator = RegexValidator(
    r"^[^\s\x00-\x1f\x7f@:<>\"\\/?;,%]{1,128}$",
    # Doubled: Django fills the message in with %.
    'Enter a user name without spaces and without any of @ : < > " \\ / ? ; , %%',
)


def validate_service_route(text: str) -> None:
    """The setting of a domain is what phones can use."""
    problem = service_route_problem(text)
    if problem:
        raise ValidationError(problem)


def whole_number(label: str, default: int, *, least: int = 0, help_text: str = "") -> models.PositiveIntegerField:
    """A setting that every database, form and API takes within the same bounds."""
    bounds = [MinValueValidator(least), MaxValueValidator(LARGEST_NUMBER)]
    return models.PositiveIntegerField(label, default=default, validators=bounds, help_text=help_text)


def forwarding(label: str, help_text: str) -> models.CharField:
    """An address that calls go on to, as a SIP URI once it is saved; empty for none."""
    return models.CharField(label, max_length=LONGEST_TARGET, blank=True, default="", help_text=help_text)


def one_of(label: str, choices: dict[str, str], *, help_text: str = "") -> models.CharField:
    """A setting that is one of the words in ``choices``, the first unless said otherwise."""
    return models.CharField(
        label,
        max_length=32,
        choices=list(choices.items()),
        default=next(iter(choices)),
        error_messages={"invalid_choice": words(choices)},
        help_text=help_text,
    )
