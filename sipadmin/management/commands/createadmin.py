"""A console administrator without the set-up link."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction


class Command(BaseCommand):
    help = "Create a console administrator, or give an existing one a new password."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--password-file", required=True, metavar="F", help="file with the password; - for stdin")

    def handle(self, *args: Any, **options: Any) -> None:
        accounts = get_user_model()
        password = read_password(options["password_file"])
        account = accounts.objects.filter(username=options["name"]).first()
        is_new = account is None
        account = account or accounts(username=options["name"])
        try:
            accounts.username_validator(account.username)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        try:
            validate_password(password, account)
        except ValidationError as error:
            # Whoever may run commands here decides; the set-up page, open to the network, refuses.
            print(f"warning: {' '.join(error.messages)}", file=sys.stderr)
        account.is_superuser = account.is_staff = account.is_active = True
        account.set_password(password)
        with transaction.atomic():
            account.save()
        print(f"administrator {account.username} {'created' if is_new else 'changed: new password'}")


def read_password(source: str) -> str:
    """First line of a file or of stdin; CommandError when there is none."""
    try:
        text = sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{source}: {getattr(error, 'strerror', None) or 'not a text file'}") from None
    password = (text.splitlines() or [""])[0]
    if not password:
        raise CommandError(f"{'stdin' if source == '-' else source} holds no password")
    return password
