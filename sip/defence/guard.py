"""Weighs what strangers do, and says whom to pass over: bans, floods, locked-out users (best practice of the field).

Facts and times in, verdicts out. Held against a source is only what is proven to come from it: what came by a
connection, or answered a nonce that was made for it. So nobody gets another one banned by forging his address, and a
single datagram bans nobody. The price: a flood of datagrams that never answers is slowed down, not banned.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sip.auth.authenticator import Failure
from sip.defence.bans import RECURRENCE_INTERVAL, Ban, BanList, ban_interval
from sip.defence.buckets import TokenBuckets
from sip.defence.evidence import SENTENCES, WINDOW, Evidence, is_scanner
from sip.defence.scoreboard import USER_LIMIT, Scoreboard, SourceRecord
from sip.defence.sources import Network, SourceSet, is_loopback, source_of
from sip.message.params import printable
from sip.transport.flow import Flow

RATE = 1_000.0  # messages a second of one source that nobody asked for: more than any gateway without passwords sends
BURST = 5_000.0  # and at once: an office that comes back after an outage
REFUND = 10.0  # tokens given back for a right password: the phones of a busy office or edge proxy are never slowed down
PROBE_COST = 200.0  # tokens: five a second, so that nobody finds out who is there by asking for everybody
OF_A_NETWORK = "networks"  # messages of sources that are banned with their network, counted together
MAX_BUCKETS = 50_000  # about 10 MB; more sources than that at a time are forged anyway
MAX_FLOODS = 1_000  # sources remembered for people to look at
MAX_RECURRENCES = 10_000  # sources whose former bans lengthen the next; the oldest is forgotten


class Guard:
    """One for the endpoint (``admits``) and the authenticator (``is_locked``, ``succeeded``, ``failed``).

    ``trusted`` networks are never slowed down, locked out or banned. ``rate`` 0 slows nobody down. ``on_ban`` hears of
    each ban that was decided here, ``wall`` turns the loop clock into seconds since the epoch. ``count`` counts what
    was passed over, by reason.
    """

    def __init__(
        self,
        on_ban: Callable[[Ban], None],
        wall: Callable[[float], float],
        *,
        trusted: Iterable[Network] = (),
        rate: float = RATE,
        burst: float = BURST,
    ) -> None:
        self.count: Counter[str] = Counter()
        self.bans = BanList()
        self._on_ban = on_ban
        self._wall = wall
        self._trusted = SourceSet(trusted)
        self._people: dict[str, str] = {}  # source -> who is logged in at the console from there
        self._rate = rate
        self._buckets = TokenBuckets(rate, burst, MAX_BUCKETS)
        self._board = Scoreboard()
        self._earlier: dict[str, tuple[int, float]] = {}  # source -> bans so far, and when the last one was made
        self._floods: dict[str, list[float]] = {}  # source -> first, last, number of messages passed over
        self._passed_over: Counter[str] = Counter()  # messages of banned sources

    # Every message

    def admits(self, flow: Flow, now: float) -> bool:
        """Whether to look at a message at all; ``now`` of the loop clock."""
        source = source_of(flow.remote[0])
        if source in self.bans and source not in self._people:
            self.count["banned"] += 1
            self._pass_over(source)
            return False
        if not self._rate or self._buckets.take(source, now):
            return True
        if is_loopback(source) or source in self._trusted or source in self._people:
            return True
        self.count["flood"] += 1
        self._note_flood(source, now)
        return False

    def is_banned(self, flow: Flow) -> bool:
        """Whether there is a ban, and not merely too much at once."""
        source = source_of(flow.remote[0])
        return source in self.bans and source not in self._people

    def _pass_over(self, source: str) -> None:
        known = source if self.bans.get(source) is not None else OF_A_NETWORK
        self._passed_over[known] += 1

    def wanted(self, flow: Flow) -> None:
        """A message that we asked for, or that belongs to a dialog that we let through: it costs nothing."""
        self._buckets.give(source_of(flow.remote[0]), 1.0)

    def probed(self, flow: Flow, now: float) -> None:
        """A stranger asked for somebody who is not there. One may; who asks for one name after the other is slowed."""
        source = source_of(flow.remote[0])
        self.count["probe"] += 1
        self._buckets.charge(source, now, PROBE_COST)

    def is_scanner(self, user_agent: str | None, flow: Flow, now: float) -> bool:
        """Whether a request comes from an attack program, which then gets no answer."""
        if not user_agent or not is_scanner(user_agent) or source_of(flow.remote[0]) in self._trusted:
            return False
        self.count["scanner"] += 1
        if flow.is_reliable:
            self._hold_against(source_of(flow.remote[0]), "scanner", user_agent, self._wall(now))
        return True

    def not_sip(self, flow: Flow, now: float) -> None:
        """Something that is not SIP at all."""
        if flow.is_reliable:
            self._hold_against(source_of(flow.remote[0]), "not-sip", flow.text, self._wall(now))

    # Passwords

    def is_locked(self, source: str, realm: str, username: str, now_wall: float) -> bool:
        """Whether this user may not log in from there for now."""
        source = source_of(source)
        return self._board.is_locked(source, (realm, username), now_wall) and not self.why_exempt(source)

    def succeeded(self, source: str, realm: str, username: str, now_wall: float) -> None:
        """A right password."""
        source = source_of(source)
        self._board.succeeded(source, (realm, username), now_wall)
        self._buckets.give(source, REFUND)

    def failed(self, failure: Failure, now_wall: float) -> None:
        """A wrong password, or any while the user is locked out: each such try is one more reason to ban the source."""
        source, user = source_of(failure.source), (failure.realm, failure.username)
        detail = f"{failure.username}@{failure.realm}"
        self.count["locked_out"] += failure.is_locked
        if not failure.is_proven:
            self.count["unproven_failure"] += 1
            return
        if failure.is_locked:
            self._hold_against(source, "again", detail, now_wall, failure.username)
            return
        kind = "wrong-password" if failure.is_known_user else "unknown-user"
        self.count[kind.replace("-", "_")] += 1
        failures = self._board.failed(source, user, now_wall)
        if failures > (USER_LIMIT if failure.is_known_user else 1):
            kind = "again"
        self._hold_against(source, kind, detail, now_wall, failure.username)

    def _hold_against(self, source: str, kind: str, detail: str, now_wall: float, name: str = "") -> None:
        evidence = Evidence(now_wall, kind, printable(detail, 120))
        if self._board.add(source, evidence, printable(name, 80)) and not self.why_exempt(source):
            self._ban(source, now_wall)

    def _ban(self, source: str, now_wall: float) -> None:
        record = self._board.record(source)
        if record is None or source in self.bans:
            return
        earlier, last_at = self._earlier.get(source, (0, now_wall))
        if now_wall - last_at > RECURRENCE_INTERVAL:
            earlier = 0
        self._remember(source, earlier + 1, now_wall)
        ban = Ban(
            source,
            now_wall,
            now_wall + ban_interval(earlier),
            _sentence(record, now_wall),
            record.score(now_wall),
            [one.facts() for one in record.evidence if one.at > now_wall - WINDOW],
        )
        self.bans.add(ban)
        self._board.forget(source)
        self.count["bans"] += 1
        self._on_ban(ban)

    def _remember(self, source: str, times: int, at: float) -> None:
        self._earlier.pop(source, None)
        if len(self._earlier) >= MAX_RECURRENCES:
            del self._earlier[next(iter(self._earlier))]
        self._earlier[source] = (times, at)

    def _note_flood(self, source: str, now: float) -> None:
        flood = self._floods.get(source)
        if flood is None:
            if len(self._floods) >= MAX_FLOODS:
                del self._floods[next(iter(self._floods))]
            flood = self._floods[source] = [now, now, 0.0]
        flood[1] = now
        flood[2] += 1

    # What people decide

    def install(self, bans: Iterable[Ban], people: Mapping[str, str], now_wall: float) -> list[Ban]:
        """Take over the bans in force, and who is logged in at the console from which address.

        Gives the bans that were lifted. A source that was let go starts with a clean sheet.
        """
        before = self.bans
        self.bans = BanList(bans)
        self._people = {source_of(address): name for address, name in people.items()}
        gone = [ban for ban in before if self.bans.get(ban.source) is None and not ban.is_over(now_wall)]
        for ban in gone:
            self.forgive(ban.source)
        return gone

    def recall(self, earlier: Iterable[tuple[str, float]]) -> None:
        """Bans of the past, source and when it was made, oldest first: the next one of the same source is longer."""
        self._earlier.clear()
        for source, at in earlier:
            times = self._earlier.get(source, (0, 0.0))[0]
            self._remember(source, times + 1, at)

    def forgive(self, source: str) -> None:
        """Hold nothing against a source any more: it was somebody's mistake."""
        self._board.forget(source)
        self._earlier.pop(source, None)
        self._passed_over.pop(source, None)

    def take_expired(self, now_wall: float) -> list[Ban]:
        """Bans that are over; they hold no more."""
        expired = self.bans.take_expired(now_wall)
        for ban in expired:
            self._passed_over.pop(ban.source, None)
        return expired

    def why_exempt(self, source: str) -> str:
        """Why this source is never banned by itself, "" when it may be."""
        if source in self._trusted:
            return "It is in a trusted network."
        if source in self._people:
            return f"{self._people[source]} is logged in at the console from there."
        return ""

    # For people to look at

    def facts(self, now_wall: float) -> dict[str, Any]:
        """JSON-able."""
        return {
            "counts": dict(self.count),
            "passed_over": dict(self._passed_over),
            "sources": [self._source_facts(record, now_wall) for record in self._board.sources()[:200]],
            "locked": [
                {"source": source, "realm": realm, "user": printable(name, 80), "until": until}
                for source, (realm, name), until in self._board.locked(now_wall)[:200]
            ],
            "floods": [
                {"source": source, "first_at": self._wall(first), "last_at": self._wall(last), "messages": int(number)}
                for source, (first, last, number) in sorted(self._floods.items(), key=lambda one: -one[1][1])[:200]
            ],
        }

    def _source_facts(self, record: SourceRecord, now_wall: float) -> dict[str, Any]:
        return {
            "source": record.source,
            "score": record.score(now_wall),
            "limit": record.limit(now_wall),
            "failures": record.failures,
            "first_at": record.first_at,
            "last_at": record.last_at,
            "names": list(record.names),
            "good_users": len(record.good),
            "exempt": self.why_exempt(record.source),
            "evidence": [one.facts() for one in list(record.evidence)[-10:]],
        }


def _sentence(record: SourceRecord, now_wall: float) -> str:
    kinds = Counter(one.kind for one in record.evidence if one.at > now_wall - WINDOW)
    parts = [f"{number} x {SENTENCES[kind]}" for kind, number in kinds.most_common()]
    return f"{', '.join(parts)} within {WINDOW / 60:g} minutes"
