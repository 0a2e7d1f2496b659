"""Create or change a domain."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from registrar.domain_settings import SETTINGS
from registrar.models import Domain
from sipadmin.provisioning import DOMAIN_KEYS, ProvisioningError, change_domain, own_policy


class Command(BaseCommand):
    help = "Create a domain or change its settings; prints what it has afterwards. Active at once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument(
            "--set", nargs="+", action="extend", default=[], metavar="key=value", help=", ".join(DOMAIN_KEYS)
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            change = change_domain(options["name"], parse_assignments(options["set"]))
        except ProvisioningError as error:
            raise CommandError("\n".join(describe(error))) from None
        print(f"{change.domain.name} {'created' if change.is_new else 'changed' if options['set'] else ''}".rstrip())
        for key, value in current_settings(change.domain):
            print(f"  {key}={value}")
        for warning in change.warnings:
            print(f"warning: {warning}", file=sys.stderr)


def describe(error: ProvisioningError) -> list[str]:
    return [f"{field}: {text}" if field else text for field, text in error.errors.items()]


def parse_assignments(texts: list[str]) -> dict[str, str]:
    """``key=value`` texts; an alias may be given several times."""
    settings: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals:
            raise ProvisioningError({"": f"{text!r} is not key=value; keys are {', '.join(DOMAIN_KEYS)}"})
        settings[key] = f"{settings[key]},{value}" if key == "alias" and key in settings else value
    return settings


def current_settings(domain: Domain) -> list[tuple[str, str]]:
    """What is in force for the domain, in the order of DOMAIN_KEYS."""
    policy, ring_time = own_policy(domain)
    rows = [(name, setting_text(domain, name)) for name in SETTINGS]
    rows += [("policy", policy), ("ring_time", str(ring_time or "inherit"))]
    return [*rows, ("alias", ",".join(domain.aliases.values_list("name", flat=True)))]


def setting_text(domain: Domain, name: str) -> str:
    value = domain.effective_realm if name == "realm" else getattr(domain, name)
    return ("on" if value else "off") if isinstance(value, bool) else str(value)
