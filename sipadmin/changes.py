"""Change notices: every change of the configuration leaves a ConfigChange row in its own transaction.

Rows, not signals, carry the news to the engine: they survive a restart of either process and come from
any host. The poke after the commit only saves the engine's next quarter of a second.
"""

from __future__ import annotations

from typing import Any

from django.db import models, transaction
from django.db.models.signals import post_delete, post_save

from proxy.models import DeliveryPolicy, RecordingSettings, RoutingRule
from registrar.models import Alias, Domain, DomainAlias, SipUser, StaticContact, ThirdPartyRule
from sipadmin.audit.context import current
from sipadmin.models import ConfigChange

API_TIMEOUT = 5.0  # seconds; an engine that is up answers in a few milliseconds


def record_change(kind: str, object_id: int | None = None) -> None:
    """Note a change for the engine; needed by hand after ``update()`` and bulk writes, which send no signals.

    ``kind``: domain, user, rule, policy, recording, messages or all. ``object_id``: primary key of a domain, user or
    rule, or of the user whose messages they are.
    """
    ConfigChange.objects.create(kind=kind, object_id=object_id)
    connection = transaction.get_connection()
    # One poke a transaction, however many rows it changed.
    if not any(waiting[1] is poke_engine for waiting in connection.run_on_commit):
        transaction.on_commit(poke_engine)


def record_changes(kind: str, object_ids: list[int], most: int = 5000) -> None:
    """Notes for many objects of one kind; above ``most`` one full reload is cheaper."""
    if len(object_ids) > most:
        record_change("all")
    elif object_ids:
        ConfigChange.objects.bulk_create(ConfigChange(kind=kind, object_id=object_id) for object_id in object_ids[1:])
        record_change(kind, object_ids[0])


def poke_engine() -> None:
    """Ask the engine to read the notices now. It may not be running: then it reads them when it starts.

    A request of the API waits for the engine and says in its answer how that went.
    """
    from sipadmin.bus import EngineUnavailable, engine_command

    context = current()
    try:
        engine_command("poll_changes", timeout=API_TIMEOUT if context.waits_for_engine else 0.2)
    except EngineUnavailable as error:
        context.engine_state = f"pending ({error})"
    else:
        context.engine_state = context.engine_state or "live"


def subject(row: models.Model) -> tuple[str, int | None]:
    """Which object the engine must read again when ``row`` changes."""
    match row:
        case Domain():
            return "domain", row.pk
        case DomainAlias():
            return "domain", row.domain_id
        case SipUser():
            return "user", row.pk
        case Alias() | StaticContact():
            return "user", row.user_id
        case ThirdPartyRule():
            return "rule", row.pk
        case DeliveryPolicy() | RoutingRule():
            return "policy", None
        case RecordingSettings():
            return "recording", None
    raise TypeError(f"{type(row).__name__} is not configuration")


def note_saved(sender: type[models.Model], instance: models.Model, **kwargs: Any) -> None:
    record_change(*subject(instance))


def note_deleted(sender: type[models.Model], instance: models.Model, origin: Any = None, **kwargs: Any) -> None:
    # What falls with its domain is covered by the domain's own notice: ten thousand users, one row.
    if isinstance(origin, Domain) and sender is not Domain:
        return
    record_change(*subject(instance))


def connect() -> None:
    """Attach to the models; called once, when the apps are ready."""
    for model in (
        Domain,
        DomainAlias,
        SipUser,
        Alias,
        StaticContact,
        ThirdPartyRule,
        DeliveryPolicy,
        RoutingRule,
        RecordingSettings,
    ):
        name = f"changes-{model.__name__}"
        post_save.connect(note_saved, sender=model, dispatch_uid=name)
        post_delete.connect(note_deleted, sender=model, dispatch_uid=name)
