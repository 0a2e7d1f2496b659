"""``manage.py demo``: a domain with users and test phones that really register and call."""

from __future__ import annotations

import asyncio
import signal
import sys
from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from sipadmin.bus import EngineUnavailable, engine_command
from sipadmin.demo.accounts import NotOurs, fill, remove
from sipadmin.demo.cast import people
from sipadmin.demo.sockets import HostPort
from sipadmin.demo.stage import NoServer, NotRegistered, Stage, Verdict
from sipadmin.environment import BadSetting, parse_host_port

DEFAULT_DOMAIN = "demo.sip.local"
LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}
START_HINT = "Start the server in another terminal: python3 manage.py up"


class Command(BaseCommand):
    help = "Fill a domain with 20 users and let 12 test phones register and call each other until Ctrl+C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--domain", default=DEFAULT_DOMAIN, help="name of the demo's domain (%(default)s)")
        parser.add_argument("--sip", metavar="HOST:PORT", help="where the server listens; asked of the server itself")
        parser.add_argument("--calls-per-minute", type=float, default=20.0, metavar="N", help="(%(default)g)")
        parser.add_argument("--once", action="store_true", help="one call of each kind, a table of verdicts, exit")
        parser.add_argument("--remove", action="store_true", help="remove the demo's domain, users and calls")

    def handle(self, *args: Any, **options: Any) -> None:
        if not 0 < options["calls_per_minute"] <= 6000:
            raise CommandError("--calls-per-minute: use a number from 1 to 6000")
        try:
            if options["remove"]:
                self.remove(options["domain"])
                return
            server = self.find_server(options["sip"])
            passwords = self.fill(options["domain"])
            is_right = asyncio.run(self.play(options, passwords, server))
        except (NotOurs, NotRegistered, BadSetting) as error:
            raise CommandError(str(error)) from None
        except NoServer as error:
            raise CommandError(f"{error}. {START_HINT}") from None
        if not is_right:
            sys.exit(1)

    def remove(self, domain: str) -> None:
        count = remove(domain)
        self.say(f"There is no domain {domain}." if count is None else f"Removed {domain} and its {count} users.")

    def find_server(self, text: str | None) -> HostPort:
        if text:
            host, port = parse_host_port(text, "--sip")
            return host, port
        try:
            listeners = engine_command("ping")["listeners"]
        except EngineUnavailable as error:
            raise CommandError(f"{error} {START_HINT}") from None
        # Whatever flags the server was started with, this is where it listens.
        host, port = next((one["host"], one["port"]) for one in listeners if one["protocol"] == "udp")
        return LOOPBACK.get(host, host), port

    def fill(self, domain: str) -> dict[str, str]:
        with tqdm(
            total=len(people(domain)), desc=f"Users of {domain}", unit="user", disable=not sys.stderr.isatty()
        ) as bar:
            passwords = fill(domain, lambda username: bar.update())
        self.say(f"Domain {domain} has {len(passwords)} users; their passwords are new and only this program has them.")
        return passwords

    async def play(self, options: dict[str, Any], passwords: dict[str, str], server: HostPort) -> bool:
        stage = Stage(options["domain"], passwords, server, self.say, pace=0.1 if options["once"] else 1.0)
        loop = asyncio.get_running_loop()
        playing = asyncio.ensure_future(self.perform(stage, options))
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, playing.cancel)
        try:
            return await playing
        except asyncio.CancelledError:
            self.say("")
            return True
        finally:
            count = await stage.close()
            if count:
                self.say(f"Unregistered the phones of {count} users. manage.py demo --remove takes the users away.")

    async def perform(self, stage: Stage, options: dict[str, Any]) -> bool:
        self.say(f"Registering {len(stage.phones)} phones at {stage.server[0]} port {stage.server[1]}")
        await stage.open()
        if options["once"]:
            return self.table(await stage.perform_once())
        rate = options["calls_per_minute"]
        self.say(f"Watch it live at http://{settings.SIPADMIN.http}/ . {rate:g} calls a minute; Ctrl+C stops.")
        await stage.perform_for_ever(rate, self.finished)
        return True

    def finished(self, verdict: Verdict) -> None:
        kind = verdict.kind
        mark = "" if verdict.is_right else f"  (expected {' -> '.join(map(str, kind.statuses))})"
        who = f"{kind.caller} calls {kind.callee}"
        self.say(f"{datetime.now():%H:%M:%S}  {who:<22} {kind.name:<18} {verdict}{mark}")

    def table(self, verdicts: list[Verdict]) -> bool:
        self.say(f"\n{'kind':<18} {'call':<17} {'expected':<24} {'seen'}")
        for verdict in verdicts:
            kind = verdict.kind
            expected = " -> ".join(map(str, kind.statuses)) + (f" {kind.answered_by}" if kind.answered_by else "")
            word = "ok   " if verdict.is_right else "WRONG"
            self.say(f"{kind.name:<18} {kind.caller + ' ' + kind.callee:<17} {expected:<24} {word} {verdict}")
        right = sum(verdict.is_right for verdict in verdicts)
        self.say(f"{right} of {len(verdicts)} calls went as they must.")
        return right == len(verdicts)

    def say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
