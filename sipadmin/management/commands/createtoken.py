"""An API token, printed once."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from sipadmin.accounts.models import RATE_LIMIT, SCOPES
from sipadmin.accounts.tokens import issue_token


class Command(BaseCommand):
    help = (
        "Create an API token and print it, once. Without --scope it may do everything, without --network from anywhere."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="what it is for")
        parser.add_argument("--scope", action="append", default=[], metavar="S", help=f"one of {', '.join(SCOPES)}")
        parser.add_argument(
            "--network",
            action="append",
            default=[],
            metavar="N",
            help="where it may be used from, such as 192.0.2.0/24",
        )
        parser.add_argument(
            "--rate-limit", type=int, default=RATE_LIMIT, metavar="R", help=f"requests a minute ({RATE_LIMIT})"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            _, text = issue_token(
                options["name"], options["scope"], networks=options["network"], rate_limit=options["rate_limit"]
            )
        except ValueError as error:
            raise CommandError(str(error)) from None
        print(text)
