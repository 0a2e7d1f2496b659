"""Fixtures for the tests of pages and API: accounts, a domain with people in it, rows as the engine writes them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from proxy.ladder.calls import Message
from proxy.models import CallAttempt, CallMessage, RequestRecord, StoredMessage
from registrar.models import Binding, Domain, SipUser
from sipadmin.bus import EngineUnavailable
from sipadmin.provisioning import save_domain, save_user
from sipadmin.security import presence
from tests.proxy.ladder.calls import answered_call

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


@pytest.fixture(scope="session")
def nowhere(tmp_path_factory):
    """A data folder without an engine, for tests that use none: a folder for each of them would take too long."""
    return tmp_path_factory.mktemp("nowhere")


@pytest.fixture(autouse=True)
def no_engine(request, settings, nowhere):
    """No test reaches an engine that happens to run on this machine, nor writes into its data folder."""
    own = request.node.get_closest_marker("django_db") or not {"db", "tmp_path"}.isdisjoint(request.fixturenames)
    settings.DATA_DIR = request.getfixturevalue("tmp_path") if own else nowhere


@pytest.fixture
def administrator(django_user_model):
    return django_user_model.objects.create_superuser("ada", password="correct horse battery")


@pytest.fixture
def operator(django_user_model):
    return django_user_model.objects.create_user("oscar", password="correct horse battery")


@pytest.fixture
def admin_page(administrator, monkeypatch):
    """His browser. He was seen at this address a moment ago: what a page writes and asks does not hang on the clock."""
    monkeypatch.setitem(presence._noted, (administrator.pk, "127.0.0.1"), time.monotonic())
    client = Client()
    client.force_login(administrator)
    return client


@pytest.fixture
def operator_page(operator):
    client = Client()
    client.force_login(operator)
    return client


@pytest.fixture
def domain(db) -> Domain:
    return save_domain("example.org").domain


@pytest.fixture
def alice(domain) -> SipUser:
    return save_user(domain, "alice", password="wonderland", display_name="Alice")[0]


@pytest.fixture
def bob(domain) -> SipUser:
    return save_user(domain, "bob", password="builder", display_name="Bob")[0]


def bind(user: SipUser, number: int = 1, **facts) -> Binding:
    """A live binding as the engine writes it."""
    now = timezone.now()
    values = {
        "contact": f"sip:{user.username}@192.0.2.{number}:5060",
        "expires_at": now + timedelta(hours=1),
        "call_id": f"call-{number}",
        "cseq": 1,
        "transport": "udp",
        "received_from": f"192.0.2.{number}:5060",
        "user_agent": "Desk phone 3",
        "registered_by": user.aor,
        "created_at": now,
        "refreshed_at": now,
    }
    return Binding.objects.create(id=4_000_000_000_000 + number, user=user, **{**values, **facts})


def attempt(number: int = 1, branches: int = 1, **facts) -> CallAttempt:
    """A call attempt as the engine writes it."""
    values = {
        "call_id": f"call-{number}@192.0.2.9",
        "caller": "sip:alice@example.org",
        "callee": "sip:bob@example.org",
        "source": "udp:192.0.2.9:5060",
        "decision": "proxy",
        "policy": "proxy",
        "policy_origin": "server",
        "state": "failed",
        "status": 486,
        "reason": "Busy Here",
        "explanation": "bob's phone was busy (486)",
        "steps": [["example.org is ours", "P07", "16.4"], ["bob has 1 contact", "", "16.5"]],
        "started_at": timezone.now() - timedelta(seconds=number),
    }
    row = CallAttempt.objects.create(id=5_000_000_000_000 + number, **{**values, **facts})
    for position in range(branches):
        row.branches.create(
            position=position, target=f"sip:bob@192.0.2.{position}:5060", state="failed", status=486,
            user_agent="Desk phone 3", started_at=row.started_at,
        )  # fmt: skip
    return row


def stored_message(user: SipUser, number: int = 1, **facts) -> StoredMessage:
    """A message that waits for its user, as the engine writes it."""
    now = timezone.now()
    values = {
        "sender": "sip:carol@example.org", "content_type": "text/plain", "size": 15, "message": b"meet me at noon",
        "received_at": now, "expires_at": now + timedelta(days=1),
    }  # fmt: skip
    return StoredMessage.objects.create(id=1_700_000_000_000_000 + number, user=user, **{**values, **facts})


def request_record(number: int = 1, **facts) -> RequestRecord:
    """A decision about requests that are no call attempt, as the engine writes it."""
    now = timezone.now()
    values = {
        "method": "REGISTER", "host": "192.0.2.66", "source": "udp:192.0.2.66:5060", "sender": "sip:bob@example.org",
        "target": "sip:bob@example.org", "call_id": f"r-{number}", "status": 404, "reason": "No such user", "count": 7,
        "steps": [{"text": "No such user", "rule": "R03", "section": "10.3 step 5"}], "first_at": now, "last_at": now,
    }  # fmt: skip
    return RequestRecord.objects.create(id=6_000_000_000_000 + number, **{**values, **facts})


def traced(row: CallAttempt, messages: Sequence[Message] | None = None) -> CallAttempt:
    """The messages of an answered call, or these, as the engine keeps them for a call attempt."""
    for message in answered_call().messages if messages is None else messages:
        facts = message._asdict()
        del facts["note"]
        facts["first_line"] = facts["first_line"][:400]
        CallMessage.objects.create(conversation=row.pk, **{**facts, "at": datetime.fromtimestamp(message.at, UTC)})
    CallAttempt.objects.filter(pk=row.pk).update(conversation=row.pk)
    return row


class Engine:
    """Stands in for the sip process at the end of the bus. ``is_up`` False: it does not answer."""

    def __init__(self) -> None:
        self.is_up = True
        self.commands: list[tuple[str, dict]] = []

    def __call__(self, name: str, *, timeout: float = 5.0, **arguments) -> dict:
        if not self.is_up:
            raise EngineUnavailable("The SIP process is not running.")
        self.commands.append((name, arguments))
        if name == "ping":
            return {
                "listeners": [{"protocol": "udp", "host": "127.0.0.1", "port": 5060}],
                "uptime": 61.0,
                "version": "1",
            }
        return {}


@pytest.fixture
def engine(monkeypatch) -> Engine:
    found = Engine()
    for place in (
        "sipadmin.activation", "sipadmin.dashboard.snapshot", "registrar.views", "registrar.api.views", "sipadmin.bus",
        "sipadmin.security.views", "sipadmin.security.overview", "proxy.recording_views",
    ):  # fmt: skip
        monkeypatch.setattr(f"{place}.engine_command", found)
    return found
