"""Who hears which messages were wanted, and which strangers ask for nobody."""

from __future__ import annotations

from typing import Protocol

from sip.transport.flow import Flow


class SourceWatch(Protocol):
    """``sip.defence.guard.Guard``."""

    def wanted(self, flow: Flow) -> None:
        """A message that belongs to something we let through before."""

    def probed(self, flow: Flow, now: float) -> None:
        """A stranger asked for a user who does not exist."""


class NoSourceWatch:
    """Nobody."""

    def wanted(self, flow: Flow) -> None: ...

    def probed(self, flow: Flow, now: float) -> None: ...
