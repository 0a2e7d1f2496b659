"""The registrar at work: authenticate, authorise, decide, journal, answer, announce (§10.3)."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from random import random
from typing import Any, Protocol

from registrar.clock import Clock
from registrar.core import SUPPORTED, inspect_request, register
from registrar.directory import Directory, DomainEntry, Dropped, UserEntry
from registrar.events import BY_PHONE, Change, ContactEvent, Observe, auth_failure, binding_event
from registrar.explain import ExplainTo, Explanation
from registrar.gruus import gruu_parameters
from registrar.journal import Journal
from registrar.limits import Limits
from registrar.location import StoredLocation
from registrar.new_binding import Source
from registrar.outbound import OPTION
from registrar.outcome import Refused, Registered
from registrar.reachability import Reachability
from sip.auth.authenticator import Authenticator, AuthResult
from sip.gruu import OPTION as GRUU
from sip.gruu import Gruus
from sip.location import AddressOfRecord, Binding, BindingChanges
from sip.message.errors import BadMessage
from sip.message.messages import Request
from sip.message.params import printable
from sip.message.uri import Uri
from sip.transaction.server import ServerTransaction

logger = logging.getLogger("registrar")

Announce = Callable[[str, int, Callable[[], dict[str, Any] | None]], None]

# §10.3, R34: what is said to a group. A phone needs these to go on; other errors would come from every server there is.
ANSWERED_TO_GROUP = frozenset({200, 401, 423})
MOST_NOTED_URIS = 1000  # the log need not hold more of what strangers can invent
LOGGED_RULES = frozenset({"R13", "R18"})  # phones that count wrongly are hard to find otherwise
RETRY_AFTER = 30  # seconds, when the database does not keep up


class RegisterEndpoint(Protocol):
    """What the handler needs of the endpoint."""

    def is_merged(self, transaction: ServerTransaction) -> bool: ...

    def is_own_address(self, host: str, port: int | None, protocol: str = "") -> bool: ...


class RegistrarHandler:
    """Answers REGISTER requests for our domains. Everything happens in the loop thread; nothing waits."""

    def __init__(
        self,
        endpoint: RegisterEndpoint,
        directory: Directory,
        location: StoredLocation,
        journal: Journal,
        authenticator: Authenticator,
        announce: Announce,
        clock: Clock,
        domain_of: Callable[[Uri], DomainEntry | None] | None = None,
        chance: Callable[[], float] = random,
        gruus: Gruus | None = None,
        reach: Reachability | None = None,
    ) -> None:
        """``domain_of`` gives the domain of ours that a URI is in: by its host name unless told otherwise.

        ``chance`` gives numbers from 0.0 to below 1.0 for the jitter of expiries.
        """
        self._endpoint = endpoint
        self._directory = directory
        self._location = location
        self._journal = journal
        self._authenticator = authenticator
        self._announce = announce
        self._clock = clock
        self._domain_of = domain_of or (lambda uri: directory.domain(uri.host))
        self._chance = chance
        self._gruus = gruus
        self._reach = reach or Reachability()
        self.count: Counter[str] = Counter()
        self.observers: list[Observe] = []  # told of every change of a binding, once it is stored
        self.explain_to: list[ExplainTo] = []  # told of every REGISTER, once it is answered
        self._noted_uris: set[tuple[str, str]] = set()

    # REGISTER

    def register(self, transaction: ServerTransaction, domain: DomainEntry, now: float) -> None:
        """Process one REGISTER whose Request-URI names ``domain`` (step 1 is the dispatcher's)."""
        request = transaction.request
        why = Explanation(request, transaction.flow, domain.name, domain.realm, domain.auth_register, now)
        if self._endpoint.is_merged(transaction):
            self._refuse(transaction, Refused(482, "Merged request", "8.2.2.2", rule="R30"), why)
            return
        may_name_user = domain.user_in_request_uri
        refused = inspect_request(request, domain.path_without_support, _supported(domain), may_name_user=may_name_user)
        if refused is not None:
            self._refuse(transaction, refused, why)
            return
        if may_name_user and request.uri.user is not None:
            self.count["user_in_request_uri"] += 1
        actor: UserEntry | None = None
        if domain.auth_register:
            actor = self.authenticate(transaction, domain, now, why)
            if actor is None:
                return
        target = self._target(request, domain, actor, now)
        if isinstance(target, Refused):
            self._refuse(transaction, target, why)
            return
        why.aor = target.aor
        why.is_by_rule = actor is not None and actor is not target
        if self._journal.is_full:
            fields = [("Retry-After", str(RETRY_AFTER))]
            self._refuse(transaction, Refused(503, "The database does not keep up", "10.3 step 7", fields, "R17"), why)
            return
        record = self._location.record(target.aor, target.id)
        limits = Limits(
            domain.min_expires,
            domain.default_expires,
            domain.max_expires,
            target.max_contacts,
            domain.contact_limit,
            domain.expires_jitter,
            domain.one_contact_per_device,
            domain.outbound,
            domain.flow_timer,
            domain.gruu,
            domain.repeats_allowed,
            self._reach.is_unreachable,
        )
        chance = self._chance() if limits.expires_jitter else 0.0
        source = Source(transaction.flow, actor.aor if actor is not None else "")
        decision = register(request, record, limits, source, now, self._endpoint.is_own_address, chance)
        if isinstance(decision, Refused):
            self._refuse(transaction, decision, why)
            return
        decision.service_route = domain.service_route
        if not decision.changes:
            self._answer(transaction, decision, why)
        else:
            self._location.apply(record, decision.changes)
            self._journal.submit(decision.changes, partial(self._finish, transaction, record, decision, why))

    def authenticate(
        self, transaction: ServerTransaction, domain: DomainEntry, now: float, why: Explanation | None = None
    ) -> UserEntry | None:
        """Who sends a request to a server of ours (step 3, §22.2); None when it was challenged or refused instead."""
        request = transaction.request
        now_wall = self._clock.wall(now)
        result = self._authenticator.check(
            request, "www", domain.realm, domain.ha1_for, now_wall, transaction.flow, domain.digest_offer
        )
        if result.outcome != "ok":
            self._challenge(transaction, domain, result, now_wall, why)
            return None
        if why is not None:
            why.username, why.algorithm = result.username, result.algorithm
        if result.uri != request.uri_text:
            self._note_other_uri(request, result)
        return domain.users[result.username]

    def _challenge(
        self,
        transaction: ServerTransaction,
        domain: DomainEntry,
        result: AuthResult,
        wall: float,
        why: Explanation | None,
    ) -> None:
        # Step 3. Unknown user, wrong password and no credentials get the same answer (R03).
        self.count[f"credentials_{result.outcome}"] += 1
        if result.outcome == "malformed":
            self._refuse(transaction, Refused(400, result.reason, "22.4", rule="R35"), why)
            return
        if result.outcome == "wrong":
            logger.info("Wrong password for %s from %s", printable(result.username), transaction.flow.text)
            self._announce_failure(domain, result, transaction)
        fields = self._authenticator.challenge_fields(
            domain.realm,
            "www",
            wall,
            source=transaction.flow.remote[0],
            offer=domain.digest_offer,
            stale=result.outcome == "stale",
            user_agent=transaction.request.first("user-agent"),
        )
        transaction.respond_with(401, None, fields)
        if result.outcome == "wrong":
            who = printable(result.username)
            self._explain(why, Refused(401, f"{who} gave a wrong password", "10.3 step 3", rule="R35"))
        elif why is not None:
            self._explain(why, None, 401, "Unauthorized")

    def _target(
        self, request: Request, domain: DomainEntry, actor: UserEntry | None, now: float
    ) -> UserEntry | Refused:
        """Whose bindings these are (step 5), if the sender may change them (step 4).

        A domain that does not fit is no secret and gives 404; whether a user exists is told only to one who may know.
        """
        try:
            uri = request.to.uri
        except BadMessage as error:
            return Refused(400, error.reason, "10.3 step 5", rule="R07")
        if not uri.is_sip or uri.user is None or self._domain_of(uri) is not domain:
            return Refused(404, f"To is no user of {domain.name}", "10.3 step 5", rule="R07")
        target = self._directory.user(domain, uri.username)
        if actor is not None and target is not actor:
            now_wall = self._clock.wall(now)
            if target is None or not self._directory.may_register_for(actor, target, now_wall):
                reason = f"{printable(actor.username)} may not register for this user"
                return Refused(403, reason, "10.3 step 4", rule="R06")
        if target is None or not target.is_active:
            return Refused(404, "No such user", "10.3 step 5", rule="R03")
        return target

    def _note_other_uri(self, request: Request, result: AuthResult) -> None:
        # §22.4 item 6: an edge proxy may have rewritten one of the two, so this is no failure. Some phones do it with
        # every request: one line for each pair is enough.
        self.count["digest_uri_differs"] += 1
        pair = (result.uri, request.uri_text)
        if pair in self._noted_uris or len(self._noted_uris) >= MOST_NOTED_URIS:
            return
        self._noted_uris.add(pair)
        logger.info(
            "Digest uri %s is not the Request-URI %s (Call-ID %s)",
            printable(result.uri),
            printable(request.uri_text),
            printable(request.call_id),
        )

    def _refuse(self, transaction: ServerTransaction, refused: Refused, why: Explanation | None) -> None:
        self.count[f"refused_{refused.status}"] += 1
        if refused.rule in LOGGED_RULES:
            logger.info(
                "%s (rule %s, Call-ID %s)", refused.reason, refused.rule, printable(transaction.request.call_id)
            )
        self._explain(why, refused)
        if transaction.flow.is_multicast and refused.status not in ANSWERED_TO_GROUP:
            transaction.machine.end()
            return
        transaction.respond_with(refused.status, refused.reason, refused.fields)

    def _explain(
        self, why: Explanation | None, outcome: Refused | Registered | None, status: int = 200, reason: str = "OK"
    ) -> None:
        if why is None or not self.explain_to:
            return
        why.outcome = outcome
        if isinstance(outcome, Refused):
            status, reason = outcome.status, outcome.reason
        why.status, why.reason = status, reason
        for tell in self.explain_to:
            tell(why)

    def _answer(self, transaction: ServerTransaction, decision: Registered, why: Explanation) -> None:
        now = why.at
        if decision.is_repeated:
            self.count["repeated"] += 1
            logger.info("The same CSeq again (rule R18, Call-ID %s)", printable(transaction.request.call_id))
        # Step 8; what remains is counted from the receipt of the request, whenever the commit came back.
        gruus_of = partial(gruu_parameters, self._gruus, now_wall=self._clock.wall(now)) if self._gruus else None
        fields = decision.fields(now, gruus_of)
        fields.append(("Date", self._clock.date(now)))
        transaction.respond_with(200, None, fields)
        self._explain(why, decision)

    def _finish(
        self,
        transaction: ServerTransaction,
        record: AddressOfRecord,
        decision: Registered,
        why: Explanation,
        error: Exception | None,
    ) -> None:
        """The journal is done with the changes of one REGISTER."""
        changes = decision.changes
        if error is not None:
            self._location.roll_back(record, changes)
            refused = Refused(500, "The registration could not be stored", "10.3 step 7", rule="R17")
            self._refuse(transaction, refused, why)
            return
        self._location.commit(record, changes)
        self._answer(transaction, decision, why)
        self._announce_changes(changes, decision.reasons)

    # What else changes bindings

    def remove(
        self,
        binding_id: int,
        done: Callable[[Exception | None], None],
        aor: str = "",
        reason: str = "Removed by an administrator",
    ) -> bool:
        """Remove a binding; False when there is none of that id. ``done`` as in Journal.submit."""
        found = self._location.find(binding_id, aor)
        if found is None:
            return False
        record, binding = found
        changes = BindingChanges(record.aor, removed=[binding])

        def finished(error: Exception | None) -> None:
            if error is not None:
                self._location.roll_back(record, changes)
            else:
                self._location.commit(record, changes)
                self._announce_one(binding, "removed", reason, "deactivated")
            done(error)

        self._location.apply(record, changes)
        self._journal.submit(changes, finished)
        return True

    def remove_dead(self, binding: Binding, reason: str) -> None:
        """Remove a binding whose phone is not reached any more; should that not be stored, it is tried again later."""
        self.count["removed_dead"] += 1
        self.remove(binding.id, lambda error: None, binding.aor, reason)

    def drop(self, users: Iterable[Dropped]) -> None:
        """Forget the bindings of users who are gone (R38); their running calls stay."""
        for aor, user_id in users:
            bindings = self._location.drop(aor, user_id)
            if bindings:
                self._journal.delete(bindings)
            for binding in bindings:
                self._announce_one(binding, "removed", "The user was deleted, disabled or renamed", "rejected")

    def sweep(self, now: float) -> int:
        """Take expired bindings out; for every second or so. Gives their number."""
        expired = self._location.expire(now)
        if expired:
            self._journal.delete(expired)
        for binding in expired:
            self._announce_one(binding, "expired")
        return len(expired)

    # Events

    def _announce_changes(self, changes: BindingChanges, reasons: dict[int, str]) -> None:
        for binding in changes.added:
            self._announce_one(binding, "added")
        # The core gives a reason where a binding changes for another one than that its contact was named.
        for binding in changes.updated:
            reason = reasons.get(binding.id, "")
            self._announce_one(binding, "moved" if reason else "refreshed", reason)
        for binding in changes.removed:
            reason = reasons.get(binding.id, "")
            self._announce_one(binding, "replaced" if reason else "removed", reason)

    def _announce_failure(self, domain: DomainEntry, result: AuthResult, transaction: ServerTransaction) -> None:
        build = partial(auth_failure, domain.name, result.username, transaction.flow.text, transaction.request)
        self._announce("event", id(transaction), build)

    def _announce_one(
        self, binding: Binding, change: Change, reason: str = "", event: ContactEvent | None = None
    ) -> None:
        self._announce("binding", binding.id, partial(binding_event, binding, change, self._clock.wall, reason))
        for observe in self.observers:
            observe(binding, event or BY_PHONE[change])


def _supported(domain: DomainEntry) -> frozenset[str]:
    """Option tags that the domain leaves switched on."""
    if domain.outbound and domain.gruu:
        return SUPPORTED
    is_on = {OPTION: domain.outbound, GRUU: domain.gruu}
    return frozenset(tag for tag in SUPPORTED if is_on.get(tag, True))
