"""The `sip` ASGI application: one scope, commands as events."""

import asyncio
from types import SimpleNamespace

import pytest

from sip.transport.tls import TlsContexts, TlsFiles
from sipadmin.engine import worker
from tests.sip.transport.certificates import certificate


class FakeEngine:
    def __init__(self, config, endpoint, announce):
        self.log = endpoint
        self.dispatch = "callbacks"
        self.changes = self

    async def load(self):
        self.log.append("loaded")

    def start(self):
        self.log.append("started")

    async def stop(self):
        self.log.append("stopped")

    async def catch_up(self):
        self.log.append("caught up")

    def facts(self):
        return {"uptime": 1}

    async def remove_binding(self, binding_id):
        if binding_id == 13:
            raise RuntimeError("a bug")
        return binding_id == 7


@pytest.fixture
def run(monkeypatch):
    """Send commands to an application; (log, events sent)."""
    monkeypatch.setattr(worker, "Engine", FakeEngine)

    async def run(*commands):
        log, sent, events = [], [], asyncio.Queue()
        for number, (name, arguments) in enumerate(commands):
            events.put_nowait({"type": "sip.command", "id": number, "name": name, "arguments": arguments})
        events.put_nowait({"type": "sip.shutdown"})

        async def send(event):
            sent.append(event)

        scope = {"type": "sip", "config": None, "endpoint": log, "announce": None, "register": log.append}
        await worker.SipApplication()(scope, events.get, send)
        return log, sent

    return run


async def test_a_life(run):
    log, sent = await run()
    assert log == ["loaded", "callbacks", "started", "stopped"]
    assert [event["type"] for event in sent] == ["sip.ready", "sip.stopped"]


async def test_commands(run):
    log, sent = await run(
        ("ping", {}),
        ("poll_changes", {}),
        ("remove_binding", {"id": 7}),
        ("remove_binding", {"id": 8}),
        ("remove_binding", {}),
        ("remove_binding", {"id": 13}),
        ("dance", {}),
    )
    results = [event.get("facts", event.get("error")) for event in sent if event["type"] == "sip.result"]
    assert results == [
        {"uptime": 1},
        {},
        {},
        "This binding is gone already.",
        "remove_binding needs the id of a binding.",
        "RuntimeError: a bug",
        "There is no command 'dance'.",
    ]
    assert "caught up" in log


class TestCertificates:
    """What the command `certificate` asks."""

    @pytest.fixture
    def engine(self, tmp_path):
        files = TlsFiles([certificate(tmp_path, "sip.example.org")])
        contexts = TlsContexts(files)
        return SimpleNamespace(
            config=SimpleNamespace(tls=files), endpoint=SimpleNamespace(reload_certificates=contexts.reload)
        )

    async def ask(self, engine, name):
        return await worker.run_command(engine, {"name": name, "arguments": {}})

    async def test_they_are_told(self, engine):
        (known,) = (await self.ask(engine, "certificates"))["facts"]["certificates"]
        assert known["names"] == ["sip.example.org"]
        engine.config.tls = None
        assert await self.ask(engine, "certificates") == {"facts": {"certificates": []}}

    async def test_a_broken_file(self, engine):
        assert await self.ask(engine, "reload_certificates") == {"facts": {}}
        engine.config.tls.certificates[0].chain.write_text("nothing")
        assert "stay in use" in (await self.ask(engine, "reload_certificates"))["error"]
        assert "holds no certificate" in (await self.ask(engine, "certificates"))["error"]


async def test_simulate_answers_with_facts_or_what_is_wrong_with_the_question(run, monkeypatch):
    def simulate(engine, arguments):
        if arguments:
            return {"decision": "proxy"}
        raise worker.Unanswerable("Ask for somebody.")

    monkeypatch.setattr(worker, "simulate", simulate)
    _, sent = await run(("simulate", {"to": "sip:bob@example.org"}), ("simulate", {}))
    facts = [event["facts"] for event in sent if event["type"] == "sip.result"]
    assert facts == [{"decision": "proxy"}, {"problem": "Ask for somebody."}]
