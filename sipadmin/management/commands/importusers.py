"""Users from a CSV file, all or nothing."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from registrar.models import Domain
from sipadmin.user_import import import_rows
from sipadmin.user_table import COLUMNS, ImportRefused, read_table


class Command(BaseCommand):
    help = "Create or change the users of a CSV file. All rows, or none when one is wrong. Active at once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE.csv", help=f"columns by header: {', '.join(COLUMNS)}")
        parser.add_argument("--domain", required=True, metavar="NAME")
        parser.add_argument("--dry-run", action="store_true", help="check and count, change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        from tqdm import tqdm

        name = options["domain"].strip().lower()
        domain = Domain.objects.filter(name=name).first()
        if domain is None:
            raise CommandError(f"there is no domain {name}; create it first:  python3 manage.py domain {name}")
        try:
            content = Path(options["file"]).read_bytes()
        except OSError as error:
            raise CommandError(f"{options['file']}: {error.strerror}") from None
        try:
            rows = read_table(content)
            # The bar is for people: no control characters in a log.
            with tqdm(total=len(rows), unit=" users", disable=not sys.stderr.isatty(), leave=False) as bar:
                counts = import_rows(domain, rows, bar.update, is_dry_run=options["dry_run"])
        except ImportRefused as error:
            lines = [str(row) for row in error.errors]
            if error.count > len(lines):
                lines.append(f"... and {error.count - len(lines)} more")
            raise CommandError("nothing imported:\n  " + "\n  ".join(lines)) from None
        word = "to be created" if options["dry_run"] else "created"
        print(f"{name}: users {word} {counts.created}, updated {counts.updated}, unchanged {counts.unchanged}")
