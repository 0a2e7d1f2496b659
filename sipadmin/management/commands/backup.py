"""A copy of the database, while everything runs."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from sipadmin.system import backups


class Command(BaseCommand):
    help = "Copy the database while everything runs. Keep the secret key of the data folder beside it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", nargs="?", metavar="FILE", help="where to; backups/ of the data folder without")

    def handle(self, *args: Any, **options: Any) -> None:
        target = Path(options["file"]) if options["file"] else None
        if target is not None and target.exists():
            raise CommandError(f"{target} is there already; name another file")
        try:
            made = backups.make(target)
        except backups.CannotBackUp as error:
            raise CommandError(str(error)) from None
        print(f"{made}\nKeep {settings.DATA_DIR / 'secret_key'} with it: sessions and sealed secrets need it.")
