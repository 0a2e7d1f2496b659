"""List bans, ban an address or undo it."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from sipadmin.management.commands.domain import describe
from sipadmin.provisioning import ProvisioningError
from sipadmin.security.bans import actor_name, lift_ban, make_ban, source_named, users_behind, users_text
from sipadmin.security.models import Ban


class Command(BaseCommand):
    help = "Ban an address or network, undo that, or list the bans in force. Active at once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("source", nargs="?", help="192.0.2.9, 192.0.2.0/24 or 2001:db8::9")
        parser.add_argument("--hours", type=float, help="until it is undone, when not given")
        parser.add_argument("--reason", default="")
        parser.add_argument("--undo", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        source = options["source"]
        try:
            if source is None:
                self.list_bans()
            elif options["undo"]:
                self.undo(source_named(source))
            else:
                hours = options["hours"]
                until = None if hours is None else timezone.now() + timedelta(hours=hours)
                ban = make_ban(source, until, options["reason"], actor_name(None))
                print(f"{ban.source} is banned; {users_text(users_behind([ban.source])[ban.source])} behind it")
        except ProvisioningError as error:
            raise CommandError("\n".join(describe(error))) from None

    def undo(self, source: str) -> None:
        bans = Ban.objects.in_force().filter(source=source)
        if not bans:
            raise CommandError(f"{source} is not banned")
        for ban in bans:
            lift_ban(ban, actor_name(None))
        print(f"{source} is banned no more")

    def list_bans(self) -> None:
        bans = list(Ban.objects.in_force())
        behind = users_behind([ban.source for ban in bans])
        for ban in bans:
            until = f"until {ban.expires_at:%Y-%m-%d %H:%M} UTC" if ban.expires_at else "until it is undone"
            maker = ban.made_by or "the server"
            print(f"{ban.source}  {until}, by {maker}, {users_text(behind[ban.source])} behind it: {ban.reason or '-'}")
