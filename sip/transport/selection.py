"""Where a request goes, as a function of its URI and of what DNS says about its host (RFC 3263 §4)."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import NamedTuple

from sip.message.uri import Uri
from sip.transport.flow import DEFAULT_PORTS, Flow, bare_host, host_and_port
from sip.transport.records import Answers, Kind, Naptr, Question, Srv, in_order, is_host_name

# Bounds on what a hostile zone can make us do: a target may cost 32 seconds (timer B), a name two look-ups.
MAX_TARGETS = 10
MAX_ADDRESSES = 4  # of one target
MAX_SERVICES = 4  # NAPTR records followed

_THIS_NETWORK = ipaddress.IPv4Network("0.0.0.0/8")

SERVICES = {"udp": "_sip._udp", "tcp": "_sip._tcp", "tls": "_sips._tcp"}  # RFC 3263 §4.2
# RFC 3263 §4.1. SIP+D2W and SIPS+D2W (RFC 7118 §9) name WebSocket servers, which only browsers dial: passed over.
NAPTR_SERVICES = {"SIP+D2U": "udp", "SIP+D2T": "tcp", "SIPS+D2T": "tls"}


class NextHop(NamedTuple):
    """A destination: protocol, numeric host and port; or, with ``flow``, that flow and nothing else.

    ``has_others``: it is one of several that a name stands for, so that it matters whether it works. ``name`` is the
    host name in the URI that led here, which its certificate must carry (RFC 5922 §4); empty for an address.
    """

    protocol: str
    host: str
    port: int
    flow: Flow | None = None
    has_others: bool = False
    name: str = ""

    @staticmethod
    def on(flow: Flow) -> NextHop:
        """The far end of a flow, reached by that flow."""
        return NextHop(flow.protocol, flow.remote[0], flow.remote[1], flow)

    @property
    def text(self) -> str:
        """``udp:192.0.2.9:5062``."""
        return f"{self.protocol}:{host_and_port(self.host, self.port)}"


class Destination(NamedTuple):
    """What a URI asks for: protocols by preference, host (name or numeric, without brackets), port when it says so.

    ``is_open``: the URI leaves the protocol to NAPTR; otherwise there is one protocol.
    """

    protocols: tuple[str, ...]
    host: str
    port: int | None = None
    is_open: bool = False

    @property
    def is_numeric(self) -> bool:
        return is_numeric_host(self.host)


def destination(uri: Uri, protocols: frozenset[str] = frozenset({"udp", "tcp"})) -> Destination | None:
    """What a URI asks for; None when we cannot speak it: another scheme or a transport not in ``protocols``, which are
    those we dial.

    RFC 3263 §4.1: the transport parameter decides; else, with a numeric host or a port, it is UDP for sip and TLS for
    sips; else DNS decides. A WebSocket contact is never dialled: its connection is the only way (RFC 7118 §5.4).
    """
    if not uri.is_sip:
        return None
    host = bare_host(uri.params.get("maddr") or uri.host).lower()  # RFC 3263 §4: maddr is the target when present
    host = host.removesuffix(".")
    if not host:
        return None
    by_preference: tuple[str, ...] = ("udp", "tcp", "tls")
    if uri.scheme == "sips":  # §26.2.2: every hop by TLS
        by_preference = ("tls",)
    is_open = not uri.transport and uri.port is None and not is_numeric_host(host)
    if uri.transport:
        protocol = uri.transport
        if uri.scheme == "sips":  # §19.1.1: over TCP, and never less than TLS; transport=tls is what older phones say
            protocol = "tls" if protocol in ("tcp", "tls") else ""
        by_preference = (protocol,)
    elif not is_open:
        by_preference = by_preference[:1]
    spoken = tuple(protocol for protocol in by_preference if protocol in protocols)
    return Destination(spoken, host, uri.port, is_open) if spoken else None


def next_hops(
    wanted: Destination,
    answers: Answers,
    random: Callable[[], float],
    is_reachable: Callable[[str, str], bool] = lambda protocol, address: True,
) -> tuple[list[NextHop], list[Question]]:
    """Next hops in the order of trying them, or the questions whose answers are still missing (RFC 3263 §4).

    Ask until there are no questions: three rounds at most, NAPTR, SRV and addresses. ``random`` gives numbers of
    [0, 1), the same ones in every round; ``is_reachable`` takes protocol and numeric host.
    """
    if wanted.is_numeric:
        protocol = wanted.protocols[0]
        hop = NextHop(protocol, wanted.host, wanted.port or DEFAULT_PORTS[protocol])
        return [hop] if is_reachable(protocol, wanted.host) else [], []
    if not is_host_name(wanted.host):
        return [], []
    if wanted.port is not None:  # RFC 3263 §4.2: no SRV
        targets = [_Target(wanted.protocols[0], wanted.host, wanted.port)]
    else:
        services, questions = _services(wanted, answers)
        questions = questions or _missing(answers, (Question(Kind.SRV, name) for _, name in services))
        if questions:
            return [], questions
        targets = _targets(wanted, services, answers, random)
    questions = _missing(answers, (Question(Kind.ADDRESS, target.host) for target in targets))
    return ([], questions) if questions else (_reachable(wanted.host, targets, answers, is_reachable), [])


class _Target(NamedTuple):
    protocol: str
    host: str
    port: int


def _missing(answers: Answers, questions: Iterable[Question]) -> list[Question]:
    return [question for question in dict.fromkeys(questions) if question not in answers]


def _services(wanted: Destination, answers: Answers) -> tuple[list[tuple[str, str]], list[Question]]:
    """Protocols with the name of their SRV records: by NAPTR, else by custom (RFC 3263 §4.1)."""
    found: list[tuple[str, str]] = []
    if wanted.is_open:
        question = Question(Kind.NAPTR, wanted.host)
        if question not in answers:
            return [], [question]
        records = [record for record in answers[question] if isinstance(record, Naptr) and _is_usable(record, wanted)]
        # RFC 3403 §4.1: once one of an order fits, those of other orders are out; by preference within it.
        records = sorted(record for record in records if record.order == min(one.order for one in records))
        found = [(NAPTR_SERVICES[record.service.upper()], record.replacement.lower()) for record in records]
    # RFC 3263 §4.1: without NAPTR, _sip is for sip and _sips for sips; of sip, TLS is only for who asks for it.
    by_custom = [
        (protocol, f"{SERVICES[protocol]}.{wanted.host}")
        for protocol in wanted.protocols
        if protocol != "tls" or wanted.protocols == ("tls",)
    ]
    return found[:MAX_SERVICES] or by_custom, []


def _is_usable(record: Naptr, wanted: Destination) -> bool:
    return (
        record.flags.lower() == "s"
        and not record.regexp
        and NAPTR_SERVICES.get(record.service.upper()) in wanted.protocols
        and is_host_name(record.replacement)
    )


def _targets(
    wanted: Destination, services: list[tuple[str, str]], answers: Answers, random: Callable[[], float]
) -> list[_Target]:
    """Servers of the best protocol that has any; without SRV records the host itself (RFC 3263 §4.2)."""
    is_told = False
    for protocol, name in services:
        servers = [record for record in answers[Question(Kind.SRV, name)] if isinstance(record, Srv)]
        is_told = is_told or bool(servers)
        # RFC 2782: a target "." says that there is no such service. An address or a bare label is no target either:
        # the system would look those up by rules of its own.
        usable = [one for one in servers if one.port and "." in one.target and is_host_name(one.target)]
        if usable:
            return [_Target(protocol, one.target.lower(), one.port) for one in in_order(usable, random)[:MAX_TARGETS]]
    return [] if is_told else [_Target(services[0][0] if services else wanted.protocols[0], wanted.host, 0)]


def _reachable(
    name: str, targets: list[_Target], answers: Answers, is_reachable: Callable[[str, str], bool]
) -> list[NextHop]:
    hops: dict[NextHop, None] = {}
    for protocol, host, port in targets:
        found = (one for one in answers[Question(Kind.ADDRESS, host)] if isinstance(one, str))
        addresses = [one for one in found if _is_of_a_host(one) and is_reachable(protocol, one)]
        for address in addresses[:MAX_ADDRESSES]:
            # RFC 5922 §4: the certificate is for the domain that was asked for, not for what SRV made of it.
            certified = name if protocol == "tls" else ""
            hops[NextHop(protocol, address, port or DEFAULT_PORTS[protocol], name=certified)] = None
    found_hops = list(hops)[:MAX_TARGETS]
    return [hop._replace(has_others=True) for hop in found_hops] if len(found_hops) > 1 else found_hops


@lru_cache(4096)
def _is_of_a_host(text: str) -> bool:
    """Whether DNS may name this address: not a group nor an address that means "here" or everybody."""
    if not is_numeric_host(text):
        return False
    address = ipaddress.ip_address(text)
    is_reserved = address.version == 4 and (address.is_reserved or address in _THIS_NETWORK)
    return not (address.is_multicast or address.is_unspecified or is_reserved)


@lru_cache(4096)
def is_numeric_host(host: str) -> bool:
    """Whether host is an IPv4 or IPv6 address without brackets."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
