"""Bans as people make and undo them: one place for the page and the API."""

from __future__ import annotations

from datetime import datetime
from ipaddress import ip_network
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from registrar.models import Binding
from sip.defence.sources import Network, SourceSet, is_within, parse_source, source_of, source_text
from sipadmin.audit.context import current
from sipadmin.provisioning import ProvisioningError
from sipadmin.security.models import Ban
from sipadmin.security.presence import present

MOST_LOOKED_AT = 50_000  # bindings whose source is compared, for the number of users behind an address
SMALLEST_PREFIX = {4: 8, 6: 19}  # a ban of more than that is a typing error: the largest blocks that one holder has


def make_ban(source: str, expires_at: datetime | None, reason: str, made_by: str) -> Ban:
    """A ban by hand, in force as soon as the engine has read it. ProvisioningError names the field at fault."""
    wanted = check_source(source)
    if expires_at is not None and expires_at <= timezone.now():
        raise ProvisioningError({"expires_at": "This time has passed."})
    if Ban.objects.in_force().filter(source=wanted).exists():
        raise ProvisioningError({"source": f"{wanted} is banned already."})
    return Ban.objects.create(source=wanted, expires_at=expires_at, reason=reason.strip(), made_by=made_by)


def source_named(text: str) -> str:
    """The source as it is stored; ProvisioningError when the text names none."""
    return source_text(_network(text))


def _network(text: str) -> Network:
    try:
        return parse_source(text)
    except ValueError:
        raise ProvisioningError(
            {"source": f"{text[:64]!r} is neither an address nor a network, such as 192.0.2.9 or 192.0.2.0/24."}
        ) from None


def check_source(text: str) -> str:
    """As ``source_named``; ProvisioningError says why it may not be banned."""
    network = _network(text)
    if network.prefixlen < SMALLEST_PREFIX[network.version]:
        raise ProvisioningError({"source": f"{network} is too much of the Internet for one ban."})
    wanted = source_text(network)
    banned = ip_network(wanted)
    for trusted in settings.SIPADMIN.trusted:
        if is_within(banned, trusted) or is_within(trusted, banned):
            raise ProvisioningError({"source": f"{trusted} is trusted (SIPADMIN_TRUSTED): it is never banned."})
    for address, name in present().items():
        if is_within(ip_network(source_of(address)), banned):
            raise ProvisioningError({"source": f"{name} is logged in at this console from {address}."})
    return wanted


@transaction.atomic
def lift_ban(ban: Ban, by: str) -> bool:
    """Undo a ban; False when it is over already."""
    if not ban.is_in_force:
        return False
    ban.lifted_at, ban.lifted_by = timezone.now(), by
    ban.save(update_fields=["lifted_at", "lifted_by"])
    return True


def users_behind(sources: list[str]) -> dict[str, int]:
    """How many registered users each address or network has behind it: whom a ban would cut off."""
    if not sources:
        return {}
    users: dict[str, set[int]] = {source: set() for source in sources}
    networks = [(source, SourceSet([ip_network(source)])) for source in sources if _is_wide(source)]
    rows = Binding.objects.live().order_by().values_list("received_from", "user_id").distinct()
    for received_from, user_id in rows[:MOST_LOOKED_AT]:
        source = source_of(host_of(received_from))
        if source in users:
            users[source].add(user_id)
        for name, network in networks:
            if source in network:
                users[name].add(user_id)
    return {source: len(ids) for source, ids in users.items()}


def _is_wide(source: str) -> bool:
    return "/" in source and source_of(source.partition("/")[0]) != source


def host_of(received_from: str) -> str:
    """Host of ``192.0.2.9:5060`` or ``[2001:db8::9]:5060``."""
    return received_from.rpartition(":")[0].strip("[]")


def users_text(count: int) -> str:
    return "no registered user" if not count else "1 registered user" if count == 1 else f"{count} registered users"


def actor_name(user: Any) -> str:
    """Who did it, as the trail names him."""
    return current().actor[:200] or str(user)
