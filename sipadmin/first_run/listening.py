"""Who may reach the SIP server: this machine, or a network. Chosen in the console, true after a restart of the engine.

The choice is kept in ``listen`` in the data folder. Where the environment or a flag names the addresses, they win and
nothing can be chosen.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings

from sipadmin import bus, preparation
from sipadmin.bus import EngineUnavailable
from sipadmin.environment import HostPort, interface_addresses, is_ipv4
from sipadmin.preparation import CannotStart

BACK_WITHIN = 15.0  # seconds that the engine may take to come back
LOOK_INTERVAL = 0.1  # seconds between two looks


class CannotListen(Exception):
    """Nothing changed; the text says what to do."""


def is_fixed() -> bool:
    """Whether the environment or a flag decides."""
    return bool(os.environ.get("SIPADMIN_SIP"))


def network_addresses() -> list[str]:
    """IPv4 addresses of this machine that others can reach, as far as the kernel tells."""
    return [host for host in interface_addresses() if is_ipv4(host) and not host.startswith(("127.", "169.254."))]


def listeners() -> list[HostPort]:
    """Where the engine listens by UDP now; EngineUnavailable when it does not run."""
    found = bus.engine_command("ping", timeout=1.0).get("listeners", [])
    return [HostPort(str(one["host"]), int(one["port"])) for one in found if one["protocol"] == "udp"]


def change(addresses: Sequence[HostPort]) -> None:
    """Listen on ``addresses`` from now on. CannotListen: the old ones are in force, as far as that is possible."""
    before = listeners()
    for address in addresses:
        if address not in before:
            check(address)
    path = Path(settings.DATA_DIR) / "listen"
    old = path.read_text() if path.exists() else None
    preparation.write_private(path, "".join(f"{address}\n" for address in addresses))
    started_at = restart()
    try:
        wait_for_restart(started_at)
    except CannotListen:
        path.unlink()
        if old is not None:
            preparation.write_private(path, old)
        raise


def check(address: HostPort) -> None:
    import socket

    try:
        preparation.check_port(address, socket.SOCK_DGRAM, "--sip")
        preparation.check_port(address, socket.SOCK_STREAM, "--sip")
    except CannotStart as error:
        raise CannotListen(str(error)) from None


def restart() -> float:
    """Ask the engine to start anew; when the one that goes had started."""
    try:
        started_at = float(bus.engine_command("ping", timeout=1.0)["started_at"])
        bus.engine_command("restart", timeout=2.0)
    except EngineUnavailable as error:
        raise CannotListen(str(error)) from None
    return started_at


def wait_for_restart(started_at: float) -> None:
    deadline = time.monotonic() + BACK_WITHIN
    while time.monotonic() < deadline:
        try:
            facts: dict[str, Any] = bus.engine_command("ping", timeout=1.0)
        except EngineUnavailable:
            time.sleep(LOOK_INTERVAL)
            continue
        if facts["started_at"] != started_at:
            return
        time.sleep(LOOK_INTERVAL)
    raise CannotListen(f"The engine did not come back within {BACK_WITHIN:g} s; its log says why.")
