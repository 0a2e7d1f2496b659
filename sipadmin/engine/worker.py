"""The `sip` ASGI application: one scope for the life of a worker.

The protocol server (runsip) owns sockets, transactions and the bus; it opens the scope once and puts the endpoint in
it. The application registers the callbacks for requests, which are plain calls: no event, task or dispatch for a
datagram. Everything rare comes as ASGI events:

    receive: {"type": "sip.command", "id": n, "name": ..., "arguments": {...}} and {"type": "sip.shutdown"}
    send:    {"type": "sip.ready"}, {"type": "sip.stopped"} and
             {"type": "sip.result", "id": n, "facts": {...}} or {..., "error": sentence}
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from proxy.simulation.question import Unanswerable
from sip.transport.tls import BadCertificate
from sipadmin.engine.certificates import certificate_facts
from sipadmin.engine.engine import Engine
from sipadmin.engine.simulation import simulate

logger = logging.getLogger(__name__)

Event = MutableMapping[str, Any]


class SipApplication:
    """``ProtocolTypeRouter``'s entry for "sip"."""

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[Event]],
        send: Callable[[Event], Awaitable[None]],
    ) -> None:
        """``scope``: "endpoint" (bound, not started), "announce", "config", "register" (takes the callbacks)."""
        engine = Engine(scope["config"], scope["endpoint"], scope["announce"])
        await engine.load()
        scope["register"](engine.dispatch)
        engine.start()
        await send({"type": "sip.ready"})
        while True:
            event = await receive()
            if event["type"] == "sip.shutdown":
                break
            if event["type"] == "sip.command":
                await send({"type": "sip.result", "id": event["id"], **await run_command(engine, event)})
        await engine.stop()
        await send({"type": "sip.stopped"})


async def run_command(engine: Engine, event: Event) -> dict[str, Any]:
    """{"facts": ...} or {"error": sentence}; a bug is logged and answered."""
    command = COMMANDS.get(event["name"])
    if command is None:
        return {"error": f"There is no command {event['name']!r}."}
    try:
        return {"facts": await command(engine, event["arguments"])}
    except CommandRefused as error:
        return {"error": str(error)}
    except Exception as error:
        logger.exception("command %s failed", event["name"])
        return {"error": f"{type(error).__name__}: {error}"}


class CommandRefused(Exception):
    """A sentence for the asker."""


async def ping(engine: Engine, arguments: dict[str, Any]) -> dict[str, Any]:
    return engine.facts()


async def history(engine: Engine, arguments: dict[str, Any]) -> dict[str, Any]:
    return engine.traffic.history()


async def poll_changes(engine: Engine, arguments: dict[str, Any]) -> dict[str, Any]:
    await engine.changes.catch_up()
    return {}


async def reachability(engine: Engine, arguments: dict[str, Any]) -> dict[str, Any]:
    """What is known of the bindings whose ids are asked for: whether they answer, and how fast."""
    ids = arguments.get("ids")
    if not isinstance(ids, list) or not all(isinstance(one, int) for one in ids):
        raise CommandRefused("reachability needs a list of ids of bindings.")
    return engine.keep_alive.facts(ids)


async def remove_binding(engine: Engine, arguments: dict[str, Any]) -> dict[str, Any]:
    binding_id = arguments.get("id")
    if not isinstance(binding_id, int):
        raise CommandRefused("remove_binding needs the id of a binding.")
    if not await engine.remove_binding(binding_id):
        raise CommandRefused("This binding is gone already.")
    return {}


async def certificates(engine: Engine, arguments: dict[str, Any]) -> dict[str, Any]:
    files = engine.config.tls
    try:
        return {"certificates": certificate_facts(files) if files is not None else []}
    except BadCertificate as error:
        raise CommandRefused(f"{error}.") from None


async def reload_certificates(engine: Engine, arguments: dict[str, Any]) -> dict[str, Any]:
    try:
        engine.endpoint.reload_certificates()
    except BadCertificate as error:
        raise CommandRefused(f"The old certificates stay in use: {error}.") from None
    return {}


async def security(engine: Engine, arguments: dict[str, Any]) -> dict[str, Any]:
    return engine.guard.facts(engine.clock.wall(engine.endpoint.now()))


async def forgive(engine: Engine, arguments: dict[str, Any]) -> dict[str, Any]:
    source = arguments.get("source")
    if not isinstance(source, str):
        raise CommandRefused("forgive needs a source.")
    engine.guard.forgive(source)
    return {}


async def simulate_request(engine: Engine, arguments: dict[str, Any]) -> dict[str, Any]:
    try:
        return simulate(engine, arguments)
    except Unanswerable as error:
        return {"problem": str(error)}  # with the question, not with the engine


COMMANDS: dict[str, Callable[[Engine, dict[str, Any]], Awaitable[dict[str, Any]]]] = {
    "ping": ping,
    "history": history,
    "poll_changes": poll_changes,
    "remove_binding": remove_binding,
    "reachability": reachability,
    "certificates": certificates,
    "reload_certificates": reload_certificates,
    "security": security,
    "simulate": simulate_request,
    "forgive": forgive,
}
