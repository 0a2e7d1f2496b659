"""`manage.py runsip`: the protocol server for the "sip" entry of the ASGI application, as Daphne is for "http"."""

from __future__ import annotations

import asyncio
import logging
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from sipadmin.supervisor import CANNOT_BIND

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Run the SIP server alone, for systemd and containers; `up` runs it together with the console."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        # Put into the environment by commands.py.
        parser.add_argument("--sip", metavar="HOST:PORT", action="append", help="as with `up`, may be repeated")
        parser.add_argument("--data", metavar="DIR", help="data folder (SIPADMIN_DATA, var/)")

    def handle(self, *args: Any, **options: Any) -> None:
        from sipadmin.engine.open_files import allow_open_files
        from sipadmin.engine.server import CannotListen, SipServer

        allow_open_files()
        server = SipServer()
        try:
            server.bind()
        except CannotListen as error:
            print(f"sipadmin: {error}", file=sys.stderr, flush=True)
            sys.exit(CANNOT_BIND)
        # The loop of the standard library: docs/decisions/0006.
        asyncio.run(server.run())
        if server.exit_code:
            sys.exit(server.exit_code)
