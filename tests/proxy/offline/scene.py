"""A proxy that stores messages: Scene with the real store, whose writer thread is the test (``work``)."""

from __future__ import annotations

from concurrent.futures import Future

from proxy.offline.handler import OfflineMessages
from proxy.offline.store import MessageStore
from registrar.models import Domain, SipUser
from tests.proxy.scene import Scene


class Worker:
    """An executor whose jobs run when the test says so. ``is_instant``: at once."""

    def __init__(self):
        self.jobs = []
        self.is_instant = True

    def submit(self, job, *arguments):
        future = Future()
        self.jobs.append((future, job, arguments))
        if self.is_instant:
            self.work()
        return future

    def work(self):
        while self.jobs:
            future, job, arguments = self.jobs.pop(0)
            try:
                future.set_result(job(*arguments))
            except Exception as error:
                future.set_exception(error)

    def shutdown(self):
        self.work()


class OfflineScene(Scene):
    """example.org stores messages of ``who``; its users have rows in the database."""

    def __init__(self, who="from-anybody", **options):
        super().__init__(**options)
        self.org.store_messages = who
        domain = Domain.objects.create(name="example.org")
        for user in self.directory.users.values():
            user.id = SipUser.objects.create(domain=domain, username=user.username).pk
        self.worker = Worker()
        self.called = []
        self.store = MessageStore(self.in_loop, self.wall, executor=self.worker)
        self.offline = OfflineMessages(
            self.endpoint,
            self.handler.recipients,
            self.handler.responsibility,
            self.handler.forwarder,
            self.store,
            lambda at: at + 1e9,
        )
        self.handler.own_methods["MESSAGE"] = self.offline

    def wall(self):
        return self.endpoint.now() + 1e9

    def in_loop(self, callback):
        callback()

    def message(self, *fields, to="bob", body="Hello", **parts):
        parts.setdefault("fields", ["Content-Type: text/plain", *fields])
        return self.send(
            method="MESSAGE", uri=f"sip:{to}@example.org", to=f"<sip:{to}@example.org>", body=body, **parts
        )

    def comes(self, username="bob", contact="sip:bob@192.0.2.20:5060", event="registered", **facts):
        """A phone registers; gives the messages that went out because of it."""
        now = self.endpoint.now()
        values = {"user_id": self.user(username).id, "refreshed_at": now, "created_at": now, **facts}
        record = self.location.record(self.user(username).aor)
        record.bindings = record.committed = [one for one in record.bindings if one.contact != contact]
        binding = self.register(username, contact, **values)
        start = len(self.endpoint.sent)
        self.offline.binding_changed(binding, event)
        self.endpoint.clock.settle()
        return self.delivered(start)

    def goes(self, username="bob"):
        record = self.location.record(self.user(username).aor)
        record.bindings = record.committed = []

    def delivered(self, start=0):
        """Stored messages that went out, retransmissions left out."""
        found = []
        for sent in self.endpoint.sent[start:]:
            is_delivery = not sent.status and sent.message.call_id.startswith("stored-")
            if is_delivery and all(sent.data != other.data for other in found):
                found.append(sent)
        return found
