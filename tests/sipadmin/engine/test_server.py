"""What the protocol server does besides starting and stopping, which the end-to-end tests show."""

import asyncio
import threading
from types import SimpleNamespace

import pytest

from sip.transport.tls import BadCertificate
from sipadmin.engine import server


async def test_our_own_certificate_is_looked_at_again_and_again(monkeypatch, caplog):
    looked, outcomes = threading.Semaphore(0), [BadCertificate("cannot write own.pem"), None, None]

    def tls_files(own):
        outcome = outcomes.pop(0) if outcomes else None
        looked.release()
        if outcome is not None:
            raise outcome

    monkeypatch.setattr(server, "RENEWAL_INTERVAL", 0.0)
    monkeypatch.setattr(server, "tls_files", tls_files)
    task = asyncio.create_task(server.SipServer().renew_certificate())
    for _ in range(2):  # the failure did not end it
        await asyncio.to_thread(looked.acquire)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert "due: cannot write own.pem" in caplog.text


def test_sighup_with_a_broken_file_changes_nothing(caplog):
    def reload_certificates():
        raise BadCertificate("half of it")

    running = server.SipServer()
    running.endpoint = SimpleNamespace(reload_certificates=reload_certificates)
    running.reload_certificates()
    assert "stay in use: half of it" in caplog.text
