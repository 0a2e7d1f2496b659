"""A server with a few users and no sockets: the real endpoint and handler, and words to say what phones do.

scene = Scene()
scene.register("bob", "sip:bob@192.0.2.20:5060")
call = scene.call("bob")                       # Alice's INVITE
ringing = call.at(BOB)                         # the copy that reached Bob
scene.answer(ringing, 180); scene.answer(ringing, 200)
call.statuses                                  # what Alice saw: [100, 180, 200]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from proxy.choices import parse_policy
from proxy.core.rules import Match, Pattern, Rule, RuleBook, RuleTarget, parse_methods, parse_network, policy_of
from proxy.events import CallRecord
from proxy.handler import ProxyHandler
from proxy.policy import PolicyAt, PolicySnapshot
from sip.auth.authenticator import Authenticator
from sip.auth.digest import ha1, response
from sip.auth.nonce import NonceFactory
from sip.defence.guard import Guard
from sip.location import Binding, MemoryLocation
from sip.message.fields import parse_credentials
from sip.message.messages import Request, Response
from sip.message.wire import parse_message
from sip.transport.listeners import ListenAddress
from tests.sip.imaginary import ALICE, BOB, CAROL, MALLORY, SERVER, ImaginaryEndpoint, Sent, request_text, response_text

DAVE = ("192.0.2.40", 5060)
ELSEWHERE = ("203.0.113.5", 5060)
ALICE_TCP = ("192.0.2.10", 40000)


class ADomain:
    digest_offer = ("SHA-256", "SHA-512-256", "MD5")

    def __init__(self, id: int, name: str, auth_call: bool = False, enabled: bool = True) -> None:
        self.id = id
        self.name = self.realm = name
        self.enabled = enabled
        self.auth_call = auth_call
        self.strangers_may_call = True
        self.keep_ringing = False
        self.wait_for_group = True
        self.late_joiners = True
        self.store_messages = "no"
        self.stored_messages_per_user = 50
        self.stored_message_days = 30
        self.stored_message_size = 4096
        self.stored_message_skip = "application/im-iscomposing+xml"
        self.follow_redirects = 0
        self.followed_domains: tuple[str, ...] = ()
        self.redirect_reveals = "contacts"
        self.redirected_methods: tuple[str, ...] = ()
        self.contact_action = False


class AUser:
    def __init__(self, id: int, username: str, domain: ADomain, password: str) -> None:
        self.id = id
        self.username = username
        self.domain = domain
        self.enabled = True
        self.password = password
        self.do_not_disturb = False
        self.forward_always = self.forward_busy = self.forward_no_answer = ""
        self.aor = f"sip:{username}@{domain.name}"

    def ha1(self, algorithm: str) -> str | None:
        return ha1(algorithm, self.username, self.domain.realm, self.password)


class ADirectory:
    def __init__(self) -> None:
        self.names: dict[str, ADomain] = {}
        self.users: dict[tuple[int, str], AUser] = {}

    def domain(self, host: str) -> ADomain | None:
        return self.names.get(host)

    def domains(self) -> list[ADomain]:
        return list(dict.fromkeys(self.names.values()))

    def user(self, domain: ADomain, username: str) -> AUser | None:
        return self.users.get((domain.id, username))

    def by_id(self, domain: ADomain, user_id: int) -> AUser | None:
        return next((user for user in self.users.values() if user.id == user_id and user.domain is domain), None)


class ALog:
    """Recorder that keeps the records."""

    def __init__(self) -> None:
        self.records: list[CallRecord] = []
        self.changes = 0

    def open(self, call_id: str, caller: str, callee: str, source: str, now: float) -> CallRecord:
        record = CallRecord(len(self.records) + 1, call_id, caller, callee, source, now)
        self.records.append(record)
        return record

    def changed(self, record: CallRecord) -> None:
        self.changes += 1


class Scene:
    """example.org with alice, bob and carol, who are not asked for passwords unless ``auth_call``."""

    def __init__(
        self,
        *,
        auth_call: bool = False,
        listeners: Sequence[ListenAddress] = (ListenAddress("udp", *SERVER),),
        policy: str | None = None,
        ring_time: float | None = None,
        guard: Guard | None = None,
        **options: Any,
    ) -> None:
        self.directory = ADirectory()
        self.org = self.directory.names["example.org"] = ADomain(1, "example.org", auth_call)
        for username in ("alice", "bob", "carol", "dave"):
            self.add_user(username)
        self.location = MemoryLocation()
        self.server_policy = PolicyAt(parse_policy(policy) if policy else None, ring_time, "")
        self.user_policies: dict[int, PolicyAt] = {}
        self.rules: list[Rule] = []
        self.log = ALog()
        self.endpoint = ImaginaryEndpoint(self, listeners)  # type: ignore[arg-type]
        if guard is not None:
            self.endpoint.gate = guard
            options["sources"] = guard
        self.handler = ProxyHandler(
            self.endpoint,
            self.directory,
            self.location,
            lambda: PolicySnapshot(self.server_policy, {}, self.user_policies, RuleBook(self.rules)),
            Authenticator(NonceFactory(b"a secret of sixteen bytes or more"), watch=guard),
            self.log,
            secret=b"route secret",
            wall=lambda at: at + 1e9,
            **options,
        )
        self.calls = 0

    # The endpoint's user

    def request_received(self, transaction: Any, now: float) -> None:
        self.handler.request(transaction, now)

    def ack_received(self, request: Any, flow: Any, now: float) -> None:
        self.handler.ack(request, flow, now)

    def cancel_received(self, cancel: Any, invite: Any, now: float) -> None:
        self.handler.cancel(cancel, invite, now)

    # Provisioning

    def add_user(self, username: str, domain: ADomain | None = None, password: str = "secret") -> AUser:
        domain = domain or self.org
        user = AUser(len(self.directory.users) + 1, username, domain, password)
        self.directory.users[domain.id, username] = user
        return user

    def user(self, username: str) -> AUser:
        return self.directory.users[self.org.id, username]

    def set_policy(self, username: str, policy: str, ring_time: float | None = None) -> None:
        self.user_policies[self.user(username).id] = PolicyAt(
            None if policy == "inherit" else parse_policy(policy), ring_time, f"{username}@example.org"
        )

    def add_rule(
        self, action: str, *targets: str, priority: int = 20, name: str = "20 'night'", user: str = "",
        methods: str = "", source: str = "", caller: str = "", fork: str = "by-q", code: int | None = None,
        domain: int | None = None,
    ) -> Rule:  # fmt: skip
        contacts = [RuleTarget(text) for text in targets]
        match = Match(
            domain,
            Pattern(user) if user else None,
            parse_methods(methods),
            parse_network(source),
            Pattern(caller) if caller else None,
        )
        rule = Rule(len(self.rules) + 1, priority, name, match, policy_of(action, fork, code, contacts), contacts)
        self.rules.append(rule)
        return rule

    def register(self, username: str, contact: str, q: float = 1.0, **facts: Any) -> Binding:
        values = {"expires_at": self.endpoint.now() + 3600, "call_id": f"r-{contact}", "cseq": 1, **facts}
        record = self.location.record(self.user(username).aor)
        binding = Binding(aor=record.aor, contact=contact, q=q, **values)
        record.bindings = record.committed = [*record.bindings, binding]
        self.handler.binding_changed(binding, "registered")
        return binding

    # Acting

    def send(self, source: tuple[str, int] = ALICE, *, protocol: str = "udp", **parts: Any) -> Exchange:
        """A request with a transaction of its own; ``parts`` are those of request_text."""
        self.calls += 1
        parts.setdefault("branch", f"z9hG4bK-{self.calls}")
        parts.setdefault("call_id", f"call-{self.calls}@phone")
        data = request_text(source=source, protocol=protocol.upper(), **parts)
        return Exchange(self, data, source, protocol)

    def call(self, to: str = "bob", source: tuple[str, int] = ALICE, **parts: Any) -> Exchange:
        """An INVITE for a user of example.org, or for a whole URI."""
        uri = to if ":" in to else f"sip:{to}@example.org"
        parts.setdefault("to", f"<{uri}>")
        parts.setdefault("fields", ["Contact: <sip:alice@192.0.2.10:5060>"])
        return self.send(source, method="INVITE", uri=uri, **parts)

    def answer(self, sent: Sent, status: int, *, fields: Sequence[str] = (), to_tag: str = "", **how: Any) -> None:
        """The phone that got a request answers it; Record-Route is copied as §12.1.1 wants."""
        request = sent.message
        assert isinstance(request, Request)
        copied = [f"Record-Route: {value}" for value in request.lines("record-route")] if 100 < status < 300 else []
        data = response_text(request, status, to_tag=to_tag or f"tag-{sent.remote[0]}", fields=[*copied, *fields])
        if sent.connection is not None:
            self.endpoint.receive(data, sent.connection.flow)
            self.endpoint.clock.settle()
        else:
            self.endpoint.deliver(data, sent.remote, **how)

    def advance(self, seconds: float) -> None:
        self.endpoint.advance(seconds)

    @property
    def record(self) -> CallRecord:
        """The latest call attempt."""
        return self.log.records[-1]


class Exchange:
    """One request of a phone, what it got back, and what the server sent elsewhere because of it."""

    def __init__(self, scene: Scene, data: bytes, source: tuple[str, int], protocol: str) -> None:
        self.scene = scene
        self.data = data
        self.source = source
        self._start = len(scene.endpoint.sent)
        message = parse_message(data)
        assert isinstance(message, Request)
        self.request = message
        self.flow = scene.endpoint.deliver(data, source, protocol)

    @property
    def sent(self) -> list[Sent]:
        return self.scene.endpoint.sent[self._start :]

    @property
    def responses(self) -> list[Response]:
        """Responses of this transaction that went back, retransmissions left out."""
        found = []
        for sent in self.sent:
            message = sent.message
            if (
                isinstance(message, Response)
                and message.via.branch == self.request.via.branch
                and message.cseq.method == self.request.method
            ) and (not found or message.to_bytes() != found[-1].to_bytes()):
                found.append(message)
        return found

    @property
    def statuses(self) -> list[int]:
        return [response.status for response in self.responses]

    @property
    def final(self) -> Response:
        return self.responses[-1]

    def forwarded(self, method: str = "") -> list[Sent]:
        """Copies and other requests that left the server, retransmissions left out."""
        wanted = method or self.request.method
        seen: list[bytes] = []
        found = []
        for sent in self.sent:
            if not sent.status and sent.method == wanted and sent.data.startswith(wanted.encode()):
                if sent.data not in seen:
                    found.append(sent)
                seen.append(sent.data)
        return found

    def at(self, remote: tuple[str, int], method: str = "") -> Sent:
        """The one copy that went to an address."""
        [sent] = [sent for sent in self.forwarded(method) if sent.remote == remote]
        return sent

    def cancel(self, fields: Sequence[str] = ()) -> Exchange:
        """The phone cancels this INVITE."""
        request = self.request
        data = request_text(
            "CANCEL",
            request.uri_text,
            source=self.source,
            branch=request.via.branch,
            from_=request.first("from") or "",
            to=request.first("to") or "",
            call_id=request.call_id,
            cseq=request.cseq.number,
            fields=fields,
        )
        return Exchange(self.scene, data, self.source, "udp")

    def ack(self) -> None:
        """ACK to a non-2xx final response (§17.1.1.3)."""
        request = self.request
        data = request_text(
            "ACK",
            request.uri_text,
            source=self.source,
            branch=request.via.branch,
            from_=request.first("from") or "",
            to=self.final.first("to") or "",
            call_id=request.call_id,
            cseq=request.cseq.number,
        )
        self.scene.endpoint.deliver(data, self.source)

    def in_dialog(self, method: str, *, cseq: int = 2, source: tuple[str, int] | None = None, **parts: Any) -> Exchange:
        """A request of the caller in the dialog that the 2xx made (§12.2.1.1)."""
        response = self.final
        routes = [f"Route: {value}" for value in reversed(response.values("record-route"))]
        contact = (response.first("contact") or "<sip:bob@192.0.2.20:5060>").strip("<>")
        facts: dict[str, Any] = {
            "uri": contact,
            "from_": self.request.first("from"),
            "to": response.first("to"),
            "call_id": self.request.call_id,
            "cseq": cseq,
            "fields": routes,
            **parts,
        }
        return self.scene.send(source or self.source, method=method, **facts)

    def with_password(self, username: str = "alice", password: str = "secret", **parts: Any) -> Exchange:
        """The same request again, with credentials for the challenge that came back."""
        challenge = next(
            value for name, value in self.final.fields if name in ("proxy-authenticate", "www-authenticate")
        )
        is_proxy = self.final.has("proxy-authenticate")
        name = "Proxy-Authorization" if is_proxy else "Authorization"
        value = credentials(challenge, self.request.method, self.request.uri_text, username, password)
        request = self.request
        known = [f"{line}: {text}" for line, text in request.fields if line not in _PLAIN]
        facts: dict[str, Any] = {
            "method": request.method,
            "uri": request.uri_text,
            "from_": request.first("from"),
            "to": request.first("to"),
            "call_id": request.call_id,
            "cseq": request.cseq.number + 1,
            **parts,
        }
        facts["fields"] = [*known, *parts.get("fields", []), f"{name}: {value}"]
        return self.scene.send(self.source, **facts)


_PLAIN = frozenset({"via", "from", "to", "call-id", "cseq", "max-forwards", "content-length"})


def credentials(challenge: str, method: str, uri: str, username: str, password: str, nc: int = 1) -> str:
    params = parse_credentials(challenge).params
    realm, nonce, algorithm = params["realm"], params["nonce"], params.get("algorithm", "MD5")
    known = ha1(algorithm, username, realm, password)
    answer = response(algorithm, known, method, uri, nonce, "auth", f"{nc:08x}", "cn")
    return (
        f'Digest username="{username}", realm="{realm}", nonce="{nonce}", uri="{uri}", response="{answer}", '
        f'algorithm={algorithm}, qop=auth, nc={nc:08x}, cnonce="cn"'
    )


SceneMaker = Callable[..., Scene]
__all__ = ["ALICE", "ALICE_TCP", "BOB", "CAROL", "DAVE", "ELSEWHERE", "MALLORY", "SERVER", "Exchange", "Scene"]
