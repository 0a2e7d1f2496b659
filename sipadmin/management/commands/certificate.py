"""`manage.py certificate`: what phones see of us, and new files put to use without a restart."""

from __future__ import annotations

import datetime
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from sipadmin.bus import EngineUnavailable, engine_command


class Command(BaseCommand):
    help = "Show the certificates of the running server's TLS and secure WebSocket listeners."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--reload", action="store_true", help="read the files anew first; connections go on")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["reload"]:
                engine_command("reload_certificates")
            found = engine_command("certificates")["certificates"]
        except EngineUnavailable as error:
            raise CommandError(str(error)) from None
        if not found:
            raise CommandError("no listener needs a certificate; add one with --sip, such as tls:HOST:5061")
        for one in found:
            until = datetime.datetime.fromtimestamp(one["until"], datetime.UTC)
            print(one["file"] + ("  (self-signed)" if one["is_self_signed"] else ""))
            print(f"  names    {', '.join(one['names'])}")
            print(f"  until    {until:%Y-%m-%d}")
            print(f"  SHA-256  {one['sha256']}")
