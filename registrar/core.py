"""Registrar core: §10.3 in its steps. Pure: a request, a record, limits and the time in; a decision out.

``inspect_request`` is steps 1 and 2. The handler authenticates and authorises (steps 3 to 5), because that needs the
directory. ``register`` is steps 6 to 8.
"""

from __future__ import annotations

from collections.abc import Callable

from registrar.choices import REFUSE
from registrar.contacts import contact_problem, path_problem, storable
from registrar.identity import device_of, find, leave_old_addresses, moved
from registrar.limits import HOUR, Limits, make_room
from registrar.new_binding import Source, new_binding
from registrar.option_tags import understands
from registrar.outbound import FIRST_HOP_LACKS, OPTION, is_direct, is_flow_assured
from registrar.outcome import Judged, Refused, Registered
from sip.gruu import OPTION as GRUU
from sip.location import AddressOfRecord, Binding, BindingChanges
from sip.message.address import Address
from sip.message.bodies import unread_body
from sip.message.errors import BadMessage
from sip.message.fields import parse_contacts, parse_q
from sip.message.limits import MAX_CONTACTS
from sip.message.messages import Request

# Option tags a registrar of ours understands (§8.2.2.3, RFC 3327, RFC 5626, RFC 5627).
SUPPORTED = frozenset({"path", OPTION, GRUU})


def inspect_request(
    request: Request,
    path_without_support: str = REFUSE,
    supported: frozenset[str] = SUPPORTED,
    *,
    may_name_user: bool = False,
) -> Refused | None:
    """Steps 1 and 2: None when the request may go on. ``path_without_support`` is the domain's choice, ``supported``
    are the option tags that it leaves switched on. ``may_name_user``: a user in the Request-URI is passed over (R01).
    """
    try:
        uri = request.uri
    except BadMessage as error:
        return Refused(error.status, error.reason, "10.3 step 1")
    if not uri.is_sip:
        return Refused(416, f"No registrations for {uri.scheme} here", "8.2.2.1", rule="P02")
    if uri.user is not None and not may_name_user:
        return Refused(400, "Request-URI of REGISTER names a user", "10.2", rule="R01")
    has_path = request.has("path")
    if not has_path and not request.body and not request.has("require"):
        return None
    required = [tag.lower() for tag in request.values("require")]
    unknown = [tag for tag in required if tag not in supported]
    if unknown:
        return Refused(420, "Bad Extension", "10.3 step 2", [("Unsupported", ", ".join(unknown))], "R04")
    # RFC 3327 §5.3: nobody can tell the phone which Path is in use, so it is not taken.
    if has_path and path_without_support == REFUSE and not understands(request, "path"):
        return Refused(420, "Path without Supported: path", "RFC 3327 5.3", [("Unsupported", "path")], "R31")
    unread = unread_body(request, ())
    if unread is not None:
        return Refused(415, "Unsupported Media Type", "8.2.3", unread)
    return None


def register(
    request: Request,
    record: AddressOfRecord,
    limits: Limits,
    source: Source,
    now: float,
    is_own_address: Callable[[str, int | None], bool] = lambda host, port: False,
    chance: float = 0.0,
) -> Registered | Refused:
    """Steps 6 to 8: decide on the record as it stands, and change nothing (§10.3).

    ``now`` is when the request was received (§20.19); ``chance`` is as in ``Limits.granted``. All or nothing: one bad
    Contact refuses the whole request.
    """
    live = record.live(now)
    path = tuple([storable(value) for value in request.values("path")]) if request.has("path") else ()
    # RFC 3327 §5.3: the Path goes back to phones that understand it.
    echoed = path if path and understands(request, "path") else ()
    if not request.has("contact"):
        query = Registered(BindingChanges(record.aor), live, echoed)  # §10.2.3
        query.wants_gruu = limits.gruu and understands(request, GRUU)
        return query
    try:
        contacts = parse_contacts(request.lines("contact"))
        if contacts.is_star:
            return _remove_all(request, record, live, len(contacts.addresses))
        problem = path_problem(path, is_local=source.is_local) if path else None
        if problem is not None:
            return Refused(*problem, "RFC 3327 5.3")
        result = _update(request, record, live, contacts.addresses, limits, source, now, path, is_own_address, chance)
    except BadMessage as error:
        return Refused(400, error.reason, "10.3 step 7", rule="R17")
    if isinstance(result, Registered):
        result.path = echoed
        result.wants_gruu = limits.gruu and understands(request, GRUU)
    return result


def _remove_all(request: Request, record: AddressOfRecord, live: list[Binding], others: int) -> Registered | Refused:
    # Step 6; the Expires header field is required, and its value is exactly zero (§10.2.2).
    if others or len(request.values("contact")) != 1:
        return Refused(400, "Contact * with another Contact", "10.3 step 6", rule="R12")
    expires = request.first("expires")
    if expires is None or expires.strip("0") or not expires:
        return Refused(400, "Contact * needs Expires: 0", "10.3 step 6", rule="R12")
    call_id, cseq = storable(request.call_id), request.cseq.number
    for binding in live:
        if binding.call_id == call_id and cseq <= binding.cseq:
            return _out_of_order("10.3 step 6", "R13")
    return Registered(BindingChanges(record.aor, removed=live), [])


def _out_of_order(section: str, rule: str = "R18") -> Refused:
    # Steps 6 and 7 let "the request fail" and name 500 for an update that fails.
    return Refused(500, "CSeq is not higher than before", section, rule=rule)


def _repeated(record: AddressOfRecord, live: list[Binding]) -> Registered:
    """The same request on its way a second time: what it asked for has been done (§10.3 step 7 would refuse it)."""
    registered = Registered(BindingChanges(record.aor), live)
    registered.is_repeated = True
    return registered


def _update(
    request: Request,
    record: AddressOfRecord,
    live: list[Binding],
    addresses: list[Address],
    limits: Limits,
    source: Source,
    now: float,
    path: tuple[str, ...],
    is_own_address: Callable[[str, int | None], bool],
    chance: float,
) -> Registered | Refused:
    """Step 7."""
    if len(addresses) > MAX_CONTACTS:
        return Refused(400, f"More than {MAX_CONTACTS} contacts in one request", "10.3 step 7")
    call_id, cseq = storable(request.call_id), request.cseq.number
    expires_field = request.first("expires")
    is_outbound = False
    if limits.outbound and not source.flow.is_multicast and any("reg-id" in one.params for one in addresses):
        staying = [one for one in addresses if limits.requested(one, expires_field)]
        is_outbound = any(device_of(one)[1] for one in staying) and understands(request, OPTION)
        if is_outbound and len(staying) > 1:
            return Refused(400, "A Contact with reg-id stands alone", "RFC 5626 6", rule="R32")
        if is_outbound and not is_flow_assured(request, path):
            return Refused(*FIRST_HOP_LACKS, "RFC 5626 6", rule="R32")
    current = live
    changes = BindingChanges(record.aor)
    reasons: dict[int, str] = {}
    judged: list[Judged] = []
    for address in addresses:
        requested = limits.requested(address, expires_field)
        if 0 < requested < min(HOUR, limits.min_expires):
            fields = [("Min-Expires", str(limits.min_expires))]
            return Refused(423, "Interval Too Brief", "10.3 step 7", fields, "R16")
        q = parse_q(address.params.get("q"))
        existing = find(current, address)
        # An update by this very request is not in ``live``: of two equal contacts in one request the last one counts.
        if existing is not None and existing in live and existing.call_id == call_id and cseq <= existing.cseq:
            if cseq == existing.cseq and limits.repeats_allowed:
                return _repeated(record, live)
            return _out_of_order("10.3 step 7")
        judged.append(Judged(address, requested, 0, existing))
        if requested == 0:
            if existing is not None:
                current = [binding for binding in current if binding is not existing]
                reasons.pop(existing.id, None)
            continue
        new = new_binding(request, address, source, record, now)
        if existing is None or not _is_same_text(existing, new):
            problem = contact_problem(address, record.aor, is_own_address, is_local=source.is_local)
            if problem is not None:
                return Refused(*problem, "10.3 step 7", rule="R17")
        new.q, new.call_id, new.cseq, new.path = q, call_id, cseq, path
        granted = limits.granted(requested, chance)
        new.expires_at = now + granted
        judged[-1] = Judged(address, requested, granted, existing)
        new.is_outbound = is_outbound
        if existing is None:
            current = [*current, new]
        else:
            new.id, new.created_at = existing.id, existing.created_at
            if existing.id and not existing.uri.equals(new.uri):
                reasons[existing.id] = moved(existing)
            current = [new if binding is existing else binding for binding in current]
    if limits.one_contact_per_device:
        settled = leave_old_addresses(live, current, call_id, cseq, reasons)
        if settled is None:
            return _out_of_order("10.3 step 7")
        current = settled
    # A refresh is never too many, even when the limit has been lowered since.
    if len(current) > limits.max_contacts and any(not binding.id for binding in current):
        replaced = make_room(limits, live, current, call_id, cseq)
        if replaced is None:
            return Refused(403, limits.problem, "10.3 step 7")
        current = [binding for binding in current if binding.id not in replaced]
        reasons |= replaced
    _sort_out(changes, live, current)
    registered = Registered(changes, current, reasons=reasons)
    registered.judged = judged
    registered.has_expires_field = expires_field is not None
    if is_outbound:
        registered.is_outbound = True
        # RFC 5626 §5.4: an edge proxy knows its flows better than we do.
        registered.flow_timer = limits.flow_timer if is_direct(request) else 0
    return registered


def _is_same_text(existing: Binding, new: Binding) -> bool:
    return existing.contact == new.contact and existing.contact_parameters == new.contact_parameters


def _sort_out(changes: BindingChanges, live: list[Binding], current: list[Binding]) -> None:
    # Identity tells: a binding that was there before is the same object, an updated one has its id.
    if len(live) == 1 and len(current) == 1 and current[0].id:
        if current[0] is not live[0]:
            changes.updated = current
        return
    kept = {binding.id for binding in current}
    before = {binding.id: binding for binding in live}
    changes.added = [binding for binding in current if not binding.id]
    changes.updated = [binding for binding in current if binding.id and binding is not before[binding.id]]
    changes.removed = [binding for binding in live if binding.id not in kept]
