"""`manage.py up`: check, prepare, start both processes and watch over them."""

from __future__ import annotations

import asyncio
import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import connection

from sipadmin import preparation
from sipadmin.addresses import HostPort
from sipadmin.bootstrap import VERSION, Step
from sipadmin.environment import interface_addresses, is_ipv4
from sipadmin.supervisor import Supervisor


class Command(BaseCommand):
    help = "Start everything: the web console and the SIP server. Ctrl+C stops both."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        # commands.py has already put these into the environment, from where the settings and both processes take them.
        parser.add_argument("--http", metavar="HOST:PORT", help="console and API (SIPADMIN_HTTP, 127.0.0.1:8000)")
        parser.add_argument(
            "--sip",
            metavar="HOST:PORT",
            action="append",
            help="UDP and TCP; or tcp:, tls:, ws: or wss: before it; may be repeated (SIPADMIN_SIP)",
        )
        parser.add_argument("--data", metavar="DIR", help="data folder (SIPADMIN_DATA, var/)")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            code = self.start()
        except preparation.CannotStart as error:
            self.say_error(f"sipadmin: {error}")
            code = 1
        sys.exit(code)

    def start(self) -> int:
        own = settings.SIPADMIN
        lock = preparation.FolderInUse(own.data)
        preparation.check_ports(own.http, own.sip)
        pending, has_data = preparation.pending_migrations()
        if pending:
            # After the bootstrap these are the third and the fourth step.
            done = 2 if os.environ.get("SIPADMIN_BOOTSTRAPPED") == "1" else 0
            if not done:
                self.say(f"sipadmin {VERSION}  {'new version' if has_data else 'first start'}: preparing {own.data}")
            step = Step(
                done + 1, done + 2, f"database {display(preparation.database_name())}, {len(pending)} migrations"
            )
            copy = preparation.migrate(has_data=has_data)
            step.done()
            if copy:
                self.say(f"        the database as it was: {display(str(copy))}")
        static_step = Step(done + 2, done + 2, "secret key, static files") if pending else None
        preparation.collect_static()
        if static_step:
            static_step.done()
        base = f"http://{reachable(own.http)}/"
        link = preparation.setup_address(base, is_terminal=sys.stdout.isatty())
        connection.close()
        self.say(f"  Web   {base:<30} SIP   {' · '.join(map(str, own.sip))}")
        for line in link:
            self.say(line)
        if link:
            self.say("  No phone at hand? Run in another terminal:  python3 manage.py demo")
        self.say(f"  Ctrl+C stops. Logs: {display(str(own.data / 'log'))}/   Tests: python3 manage.py test")
        try:
            return asyncio.run(self.supervise())
        finally:
            lock.file.close()

    async def supervise(self) -> int:
        own = settings.SIPADMIN
        supervisor = Supervisor(own.http, own.data, self.say_error, proxy_headers=settings.IS_HTTPS)
        return await supervisor.run(on_ready=lambda: self.say("ready"))

    def say(self, text: str) -> None:
        print(text, flush=True)

    def say_error(self, text: str) -> None:
        sys.stdout.flush()
        print(text, file=sys.stderr, flush=True)


def display(path: str) -> str:
    """A path under the current folder as people write it."""
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else relative


def reachable(address: HostPort) -> HostPort:
    """An address to type into a browser: a wildcard is none."""
    if not address.is_any:
        return address
    found = [host.strip("[]") for host in interface_addresses() if is_ipv4(host) == is_ipv4(address.host)]
    public = [host for host in found if not HostPort(host, 0).is_loopback and not host.startswith("fe80")]
    return HostPort((public or ["127.0.0.1" if is_ipv4(address.host) else "::1"])[0], address.port)
