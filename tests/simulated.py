"""An engine for the simulator: what the database holds, and an endpoint that only listens. No socket, no process.

``simulated`` stands in for the bus and answers with the real command; ``engine.endpoint.sent`` must stay empty.
"""

from __future__ import annotations

import json
import time
from types import SimpleNamespace

import pytest

from proxy.offline.core import Kept
from proxy.policy import load_snapshot
from proxy.simulation.question import Unanswerable
from proxy.trunks import Trunks
from registrar.clock import Clock
from registrar.directory import Directory
from registrar.location import StoredLocation
from sipadmin.engine.simulation import simulate
from tests.sip.imaginary import ImaginaryEndpoint

WALL = 1_900_000_000.0


class SimulatedEngine:
    """``endpoint.sent`` is what it sent."""

    def __init__(self):
        self.endpoint = ImaginaryEndpoint(None)
        self.commands = []

    def load(self):
        clock = Clock(self.endpoint.now(), time.time())
        directory = Directory()
        directory.load()
        location = StoredLocation(directory, clock)
        location.load()
        return SimpleNamespace(
            endpoint=self.endpoint,
            clock=clock,
            directory=directory,
            location=location,
            policies=load_snapshot(),
            config=SimpleNamespace(route_secret=bytes(32), gruu_secret=bytes(32), trunks=Trunks()),
            guard=SimpleNamespace(is_banned=lambda flow: flow.remote[0] == "203.0.113.66"),
            messages=SimpleNamespace(kept=lambda user_id, sender: Kept(0, 0)),
        )

    def __call__(self, name, *, timeout=5.0, **arguments):
        self.commands.append(name)
        if name != "simulate":
            return {}
        arguments = json.loads(json.dumps(arguments))  # as it crosses the bus
        try:
            return json.loads(json.dumps(simulate(self.load(), arguments)))
        except Unanswerable as error:
            return {"problem": str(error)}


@pytest.fixture
def simulated(monkeypatch):
    engine = SimulatedEngine()
    monkeypatch.setattr("sipadmin.bus.engine_command", engine)
    yield engine
    assert engine.endpoint.sent == []
