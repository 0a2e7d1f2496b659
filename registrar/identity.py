"""Which binding a contact is: by device and flow where the phone names them, else by URI. Pure."""

from __future__ import annotations

from registrar.contacts import storable
from sip.location import Binding, instance_key
from sip.message.address import Address
from sip.message.params import unquote

Device = tuple[str, int]  # instance id and reg-id; "" and 0 where the phone names none
LARGEST_REG_ID = 2**31 - 1


def device_of(address: Address) -> Device:
    """What the Contact's +sip.instance and reg-id say. A reg-id without an instance means nothing (RFC 5626 §6)."""
    instance = address.params.get("+sip.instance")
    if not instance:
        return "", 0
    text = address.params.get("reg-id") or ""
    reg_id = int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else 0
    return storable(unquote(instance)), reg_id if reg_id <= LARGEST_REG_ID else 0


def find(bindings: list[Binding], address: Address) -> Binding | None:
    """The binding of a contact, None when it has none yet; BadMessage when its URI is malformed.

    With an instance and a reg-id the pair decides, whatever the URI (RFC 5626 §6): two flows of one phone may well
    have one URI. Failing that it is the phone's binding from when it did not name the pair. All others are
    compared by URI (§10.3 step 7), those without a pair first.
    """
    instance_id, reg_id = device_of(address)
    plain = [binding for binding in bindings if not (binding.reg_id and binding.instance_id)]
    if reg_id:
        key = instance_key(instance_id)
        for binding in bindings:
            if binding.reg_id == reg_id and instance_key(binding.instance_id) == key:
                return binding
        mine = [binding for binding in plain if instance_key(binding.instance_id) in ("", key)]
        return by_uri(mine, address)
    found = by_uri(plain, address)
    return by_uri(bindings, address) if found is None and len(plain) < len(bindings) else found


def moved(binding: Binding) -> str:
    """Sentence about a phone whose binding was this one before."""
    return f"The phone came back at another address; before it was {binding.contact}"


def leave_old_addresses(
    live: list[Binding], current: list[Binding], call_id: str, cseq: int, reasons: dict[int, str]
) -> list[Binding] | None:
    """``current`` where the devices that this request registers have no contacts left that it does not name.

    For devices with an instance and no reg-id, and domains that want one registration of each. The new contact takes
    the place of the one heard of last; sentences why go into ``reasons``. None when a later request of the same phone
    has been here before (§10.3 step 7).
    """
    before = set(map(id, live))
    arrived: dict[str, Binding] = {}
    for binding in current:
        if id(binding) not in before and binding.instance_id and not binding.reg_id:
            key = instance_key(binding.instance_id)
            if key not in arrived or (arrived[key].id and not binding.id):
                arrived[key] = binding  # a new contact rather than a refreshed one, so that it takes the place
    left = [
        binding
        for binding in current
        if id(binding) in before and not binding.reg_id and instance_key(binding.instance_id) in arrived
    ]
    if any(binding.call_id == call_id and cseq <= binding.cseq for binding in left):
        return None
    successors: dict[int, Binding] = {}
    for binding in sorted(left, key=lambda one: -one.refreshed_at):
        new = arrived[instance_key(binding.instance_id)]
        if new.id:
            reasons[binding.id] = f"Replaced by {new.contact}: the same device came back at another address"
        else:
            new.id, new.created_at = binding.id, binding.created_at
            reasons[binding.id] = moved(binding)
            successors[binding.id] = new
    result = []
    for binding in current:
        successor = successors.get(binding.id)
        if binding in left:
            result += [successor] if successor is not None else []
        elif binding is not successor:  # which has its place already
            result.append(binding)
    return result


def by_uri(bindings: list[Binding], address: Address) -> Binding | None:
    """By the comparison of §19.1.4.

    The relation is not transitive, so a contact that is the same text wins over one that merely compares equal.
    """
    text = address.uri_text
    for binding in bindings:
        if binding.contact == text:
            return binding
    uri = address.uri
    for binding in bindings:
        if uri.equals(binding.uri):
            return binding
    return None
