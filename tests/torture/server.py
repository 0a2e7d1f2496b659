"""The whole server over an imaginary wire, for one message of any kind: registrar, proxy and dispatcher as the engine
plugs them together, and what came of the message in one word.

``Server(is_home=False)`` is responsible for none of the domains the messages name and may relay for their sender;
``Server(is_home=True)`` is registrar and proxy of example.com, example.org and example.net, whose users have a phone.
"""

from __future__ import annotations

from ipaddress import ip_network

from proxy.handler import ProxyHandler
from proxy.policy import PolicySnapshot
from proxy.trunks import Trunks
from registrar.clock import Clock
from registrar.directory import Directory
from registrar.entries import DomainEntry
from registrar.handler import RegistrarHandler
from registrar.location import StoredLocation
from registrar.watching.handler import WatchingHandler
from sip.auth.authenticator import Authenticator
from sip.auth.nonce import NonceFactory
from sip.defence.guard import Guard
from sip.location import Binding, BindingChanges
from sip.message.uri import Uri
from sip.transport.framing import BrokenFraming, Framing
from sip.transport.listeners import ListenAddress
from sipadmin.engine.dispatch import Dispatch
from tests.proxy.scene import ALog
from tests.registrar.people import a_domain, a_user
from tests.sip.imaginary import Address, ImaginaryEndpoint, Sent

FORWARDED = "forwarded"  # a copy went on, and the sender has no final answer of ours
SILENT = "silent"  # nothing went on, and nothing came back
Outcome = int | str  # or the status of our final answer

SENDER: Address = ("192.0.2.10", 5060)
SENDER_IPV6: Address = ("2001:db8::9:1", 5060)
PHONE = "192.0.2.20"
ELSEWHERE = "203.0.113.5"
NETWORKS = [ip_network("192.0.2.0/24"), ip_network("2001:db8::/32")]

USERS = {
    "example.com": [
        "user", "joe", "j.user", "watson", "bob", "UserB", "null-\0-null", "remote-target",
    ],
    "example.org": ["user", "t.watson", "kumiko", "bob"],
    "example.net": ["user", "other"],
}  # fmt: skip


class Journal:
    """Stores at once, nowhere."""

    is_full = False

    def submit(self, changes, done):
        done(None)

    def delete(self, bindings):
        pass


class EveryName(dict):
    """All names lead to the same server elsewhere."""

    def get(self, name, default=None):
        return [ELSEWHERE]


class Server:
    """``passwords``: phones have to register with one."""

    def __init__(self, *, is_home: bool, passwords: bool = False) -> None:
        ipv6 = "2001:db8::10" if is_home else "2001:db8::fff1"
        listeners = [
            ListenAddress(protocol, host, port)
            for protocol, port in (("udp", 5060), ("ws", 80))
            for host in ("198.51.100.1", ipv6)
        ]
        if is_home:
            listeners.append(ListenAddress("udp", ipv6, 5070))
        self.directory = Directory()
        self.endpoint = ImaginaryEndpoint(self, listeners)  # type: ignore[arg-type]
        self.endpoint.network.own_addresses = {"198.51.100.1", ipv6}
        self.endpoint.network.names = EveryName()
        clock = Clock(self.endpoint.now(), 1_700_000_000.0)
        self.location = StoredLocation(self.directory, clock)
        authenticator = Authenticator(NonceFactory(b"a secret of this server alone"))
        self.proxy = ProxyHandler(
            self.endpoint, self.directory, self.location, PolicySnapshot, authenticator, ALog(),
            secret=b"route secret", wall=clock.wall, trunks=Trunks([], NETWORKS),
        )  # fmt: skip
        self.registrar = RegistrarHandler(
            self.endpoint, self.directory, self.location, Journal(), authenticator, lambda *event: None, clock,
            self.domain_of,
        )  # fmt: skip
        watching = WatchingHandler(
            self.endpoint, self.directory, self.location, self.registrar.authenticate, clock.wall
        )
        self.endpoint.user = Dispatch(self.domain_of, self.registrar, watching, self.proxy)
        self.endpoint.gate = Guard(lambda ban: None, lambda now: now, rate=0)
        self._settle(USERS if is_home else {"sipadmin.example": ["user"]}, passwords)

    def _settle(self, users: dict[str, list[str]], passwords: bool) -> None:
        count = 0
        for id, (name, usernames) in enumerate(users.items(), 1):
            aliases = ["registrar.example.com"] if name == "example.com" else []
            domain = a_domain(self.directory, id, name, aliases, auth_register=passwords, auth_call=False)
            for username in usernames:
                count += 1
                user = a_user(self.directory, domain, count, username)
                record = self.location.record(user.aor, user.id)
                facts = {"contact": f"sip:phone@{PHONE}", "call_id": "phone", "cseq": 1, "user_id": user.id}
                binding = Binding(aor=user.aor, expires_at=self.endpoint.now() + 3600, **facts)
                changes = BindingChanges(user.aor, added=[binding])
                self.location.apply(record, changes)
                self.location.commit(record, changes)

    def domain_of(self, uri: Uri) -> DomainEntry | None:
        """As Engine.domain_of."""
        return self.directory.domain(uri.host) or self.proxy.responsibility.domain_of(uri)

    # Receiving

    def datagram(self, data: bytes, source: Address = SENDER) -> Outcome:
        """What comes of one UDP datagram."""
        self.endpoint.deliver(data, source)
        return self.outcome

    def frame(self, data: bytes, source: Address = SENDER) -> Outcome:
        """What comes of the same bytes in one WebSocket message."""
        self.endpoint.deliver(data, source, "ws")
        return self.outcome

    def stream(self, data: bytes, source: Address = SENDER) -> Outcome:
        """What comes of the same bytes on a connection, arriving one by one."""
        flow = self.endpoint.flow(source, "tcp")
        framing = Framing()
        try:
            for byte in data:
                messages = framing.feed(bytes((byte,)))
                while messages:
                    for message in messages:
                        self.endpoint.receive(message, flow)
                    messages = framing.feed(b"")
        except BrokenFraming as error:
            self.endpoint.framing_broken(error, flow)
        self.endpoint.clock.settle()
        return self.outcome

    @property
    def outcome(self) -> Outcome:
        """Our first final answer, FORWARDED or SILENT."""
        finals = [sent.data[8:11] for sent in self.endpoint.sent if is_answer(sent) and sent.data[8:9] != b"1"]
        if finals:
            return int(finals[0])
        return FORWARDED if self.forwarded else SILENT

    @property
    def forwarded(self) -> list[Sent]:
        """Requests that went on, retransmissions included."""
        return [sent for sent in self.endpoint.sent if not is_answer(sent)]

    def let_end(self) -> int:
        """Let everything time out that can; gives the number of transactions that are left."""
        self.endpoint.advance(1000)
        return self.endpoint.transactions


def is_answer(sent: Sent) -> bool:
    return sent.data.startswith(b"SIP/2.0 ")
