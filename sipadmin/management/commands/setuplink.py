"""A new one-time link for the first administrator."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from sipadmin.accounts.setup_links import has_administrator, make_setup_link


class Command(BaseCommand):
    help = "Print a new one-time link that creates the first administrator (60 minutes)."

    def handle(self, *args: Any, **options: Any) -> None:
        if has_administrator():
            raise CommandError(
                "there is an administrator already; for another one or a forgotten password: "
                "python3 manage.py createadmin NAME --password-file F"
            )
        print(f"http://{settings.SIPADMIN.http}/setup/{make_setup_link()}")
