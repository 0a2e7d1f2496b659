"""A registrar that can be watched: whole SUBSCRIBE and NOTIFY exchanges over an imaginary wire.

scene = Scene()
phone = scene.watch("bob")                    # Bob subscribes to himself, with his password
phone.notified.body                           # the NOTIFY that he got
scene.registered("bob", "sip:bob@192.0.2.20") # a contact appears
"""

from __future__ import annotations

from xml.etree import ElementTree

from registrar.clock import Clock
from registrar.handler import RegistrarHandler
from registrar.location import StoredLocation
from registrar.watching.handler import WatchingHandler
from sip.auth.authenticator import Authenticator
from sip.auth.digest import ha1, response
from sip.auth.nonce import NonceFactory
from sip.location import Binding, MemoryLocation
from sip.message.fields import parse_credentials
from sip.message.messages import Response
from tests.registrar.people import PASSWORD, a_directory
from tests.registrar.test_handler import SlowJournal
from tests.sip.imaginary import BOB, ImaginaryEndpoint, request_text, response_text

NS = "{urn:ietf:params:xml:ns:reginfo}"
WALL = 1_700_000_000.0


class Core:
    def __init__(self, scene):
        self.scene = scene
        self.proxied = []

    def request_received(self, transaction, now):
        request = transaction.request
        domain = self.scene.directory.domain(request.uri.host)
        if request.method == "SUBSCRIBE" and self.scene.handler.is_for_us(request, domain):
            self.scene.handler.subscribe(transaction, domain, now)
        else:
            self.proxied.append(request)


class Scene:
    def __init__(self, gruus=None, **settings):
        self.directory = a_directory(**settings)
        self.core = Core(self)
        self.endpoint = ImaginaryEndpoint(self.core)
        self.clock = Clock(self.endpoint.now(), WALL)
        self.location = MemoryLocation()
        registrar = RegistrarHandler(
            self.endpoint,
            self.directory,
            StoredLocation(self.directory, self.clock),
            SlowJournal(),
            Authenticator(NonceFactory(b"a secret of this server alone")),
            lambda kind, key, build: None,
            self.clock,
        )
        self.handler = WatchingHandler(
            self.endpoint,
            self.directory,
            self.location,
            registrar.authenticate,
            self.clock.wall,
            gruus,
        )
        self.sends = 0
        self.ids = 0

    def user(self, name):
        return self.directory.domain("example.org").users[name]

    def registered(self, name, contact, event="registered", **facts):
        self.ids += 1
        now = self.endpoint.now()
        values = {
            "id": self.ids, "call_id": "r1", "cseq": 1, "expires_at": now + 3600, "created_at": now,
            "refreshed_at": now,
        }  # fmt: skip
        binding = Binding(aor=f"sip:{name}@example.org", contact=contact, **{**values, **facts})
        record = self.location.record(binding.aor)
        record.bindings = record.committed = [*[one for one in record.bindings if one.id != binding.id], binding]
        self.handler.binding_changed(binding, event)
        self.endpoint.clock.settle()
        return binding

    def placed(self, name, contact):
        """An administrator sets a contact: no REGISTER, no event."""
        binding = Binding(
            id=-1, aor=f"sip:{name}@example.org", contact=contact, expires_at=float("inf"), call_id="", cseq=0
        )
        record = self.location.record(binding.aor)
        record.bindings = record.committed = [*record.bindings, binding]
        return binding

    def taken(self, binding):
        record = self.location.record(binding.aor)
        record.bindings = record.committed = [one for one in record.bindings if one.id != binding.id]

    def removed(self, binding, event="unregistered"):
        record = self.location.record(binding.aor)
        record.bindings = record.committed = [one for one in record.bindings if one.id != binding.id]
        self.handler.binding_changed(binding, event)
        self.endpoint.clock.settle()

    def watch(self, name, watcher=None, **parts):
        return Phone(self, watcher or name, name, **parts)


class Phone:
    """Somebody who subscribes: challenged once, then with credentials."""

    def __init__(
        self, scene, watcher, name, *, password=PASSWORD, source=BOB, protocol="udp", call_id="", fields=(), **parts
    ):
        self.scene = scene
        self.watcher = watcher
        self.password = password
        self.source = source
        self.protocol = protocol
        self.uri = f"sip:{name}@example.org"
        self.call_id = call_id or f"watch-{scene.sends}@{source[0]}"
        self.cseq = 0
        self.tag = ""
        self.notifies = []
        self.answers_with = 200
        self.answer = self.subscribe(*fields, **parts)

    def subscribe(self, *fields, event="reg", contact=True, credentials=True, uri="", **parts):
        answer = self.send(*fields, event=event, contact=contact, uri=uri, **parts)
        if answer is not None and answer.status == 401 and credentials:
            line = self.credentials(answer, uri or self.uri)
            answer = self.send(*fields, line, event=event, contact=contact, uri=uri, **parts)
        if answer is not None and answer.status == 200:
            self.tag = answer.to_tag
        self.answer = answer
        return answer

    def send(self, *fields, event="reg", contact=True, uri="", **parts):
        scene = self.scene
        scene.sends += 1
        self.cseq += 1
        lines = [*([f"Event: {event}"] if event is not None else []), *fields]
        if contact:
            lines.append(f"Contact: <sip:{self.watcher}@{self.source[0]}:{self.source[1]}>")
        values = {
            "from_": f"<sip:{self.watcher}@example.org>;tag=w",
            "to": f"<{self.uri}>" + (f";tag={self.tag}" if self.tag else ""),
            "call_id": self.call_id,
            "cseq": self.cseq,
            "branch": f"z9hG4bKw{scene.sends}",
            "protocol": self.protocol.upper(),
            **parts,
        }
        scene.endpoint.take()
        scene.endpoint.deliver(
            request_text("SUBSCRIBE", uri or self.uri, source=self.source, fields=lines, **values),
            self.source,
            self.protocol,
        )
        return self.collect()

    def collect(self, *, answer=True):
        """What came back: the response is given, each NOTIFY is kept and answered."""
        found = None
        for sent in self.scene.endpoint.take():
            message = sent.message
            if isinstance(message, Response):
                found = message
            elif message.call_id == self.call_id and (
                not self.notifies or self.notifies[-1].to_bytes() != message.to_bytes()
            ):
                self.notifies.append(message)
                self.sent = sent
                if answer and self.answers_with:
                    self.respond(self.answers_with)
        return found

    def respond(self, status, *fields):
        data = response_text(self.notifies[-1], status, to_tag="", fields=fields)
        if self.sent.connection is not None:
            self.scene.endpoint.receive(data, self.sent.connection.flow)
        else:
            self.scene.endpoint.deliver(data, self.sent.remote)
        self.scene.endpoint.clock.settle()

    def wait(self, seconds):
        self.scene.endpoint.advance(seconds)
        self.collect()

    def credentials(self, challenged, uri):
        params = parse_credentials(challenged.first("www-authenticate")).params
        known = ha1("MD5", self.watcher, params["realm"], self.password)
        digest = response("MD5", known, "SUBSCRIBE", uri, params["nonce"], "auth", "00000001", "c")
        return (
            f'Authorization: Digest username="{self.watcher}", realm="{params["realm"]}", nonce="{params["nonce"]}", '
            f'qop=auth, uri="{uri}", nc=00000001, cnonce="c", response="{digest}", algorithm=MD5'
        )

    @property
    def notified(self):
        """The latest NOTIFY."""
        return self.notifies[-1]

    @property
    def state(self):
        return self.notified.first("subscription-state")

    @property
    def info(self):
        """The latest document."""
        return ElementTree.fromstring(self.notified.body)

    @property
    def contacts(self):
        """(URI, state, event) of the contacts in the latest document."""
        return [
            (one.findtext(f"{NS}uri"), one.get("state"), one.get("event")) for one in self.info.iter(f"{NS}contact")
        ]
