"""An API token, printed once."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from sipadmin.accounts.models import SCOPES
from sipadmin.accounts.tokens import issue_token


class Command(BaseCommand):
    help = "Create an API token and print it, once. Without --scope it may do everything."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="what it is for")
        parser.add_argument("--scope", action="append", default=[], metavar="S", help=f"one of {', '.join(SCOPES)}")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            _, text = issue_token(options["name"], options["scope"])
        except ValueError as error:
            raise CommandError(str(error)) from None
        print(text)
