"""What somebody types into a phone to register it here."""

from __future__ import annotations

from typing import Any

from registrar.models import SipUser
from sipadmin.bus import EngineUnavailable
from sipadmin.environment import HostPort
from sipadmin.first_run import listening

SIP_PORT = 5060


def phone_settings(user: SipUser) -> dict[str, Any]:
    """{"username", "domain", "proxy", "transport", "is_local", "error"}: ``proxy`` where the domain is no address."""
    error = ""
    try:
        addresses = listening.listeners()
    except EngineUnavailable as reason:
        addresses, error = [], str(reason)
    address = best(addresses)
    shown = "" if address is None else reachable(address)
    return {
        "username": user.username,
        "domain": user.domain.name,
        "proxy": shown,
        "transport": "UDP or TCP",
        "is_local": bool(addresses) and all(one.is_loopback for one in addresses),
        "error": error,
    }


def best(addresses: list[HostPort]) -> HostPort | None:
    """One that others can reach, where there is one."""
    return next((one for one in addresses if not one.is_loopback), addresses[0] if addresses else None)


def reachable(address: HostPort) -> str:
    if address.is_any:
        found = listening.network_addresses()
        address = HostPort(found[0] if found else "127.0.0.1", address.port)
    return address.host if address.port == SIP_PORT else str(address)
