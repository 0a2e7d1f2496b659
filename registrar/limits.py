"""What one user may register, and how room is made when there is none left. Pure."""

from __future__ import annotations

from collections.abc import Callable

from registrar.choices import REFUSE, REPLACE_UNREACHABLE
from sip.location import Binding
from sip.message.address import Address
from sip.message.fields import parse_expires

HOUR = 3600


class Limits:
    """What one user may register. Intervals in seconds.

    ``contact_limit``: what happens past ``max_contacts``. ``expires_jitter``: percent by which an interval is shortened
    at most, so that phones which came all at once do not come back all at once. ``one_contact_per_device``:
    a device that names itself leaves the addresses that it does not repeat. ``outbound``: flows are kept where a phone
    wants it (RFC 5626); it should use them every ``flow_timer`` seconds, 0 when that is its own choice. ``gruu``:
    phones get addresses of their own (RFC 5627). ``repeats_allowed``: the same CSeq again is no error.
    ``is_unreachable`` says of a binding's id whether its phone has stopped answering.
    """

    __slots__ = (
        "contact_limit",
        "default_expires",
        "expires_jitter",
        "flow_timer",
        "gruu",
        "is_unreachable",
        "max_contacts",
        "max_expires",
        "min_expires",
        "one_contact_per_device",
        "outbound",
        "repeats_allowed",
    )

    def __init__(
        self,
        min_expires: int = 60,
        default_expires: int = HOUR,
        max_expires: int = 86400,
        max_contacts: int = 10,
        contact_limit: str = REFUSE,
        expires_jitter: int = 0,
        one_contact_per_device: bool = False,
        outbound: bool = True,
        flow_timer: int = 0,
        gruu: bool = True,
        repeats_allowed: bool = False,
        is_unreachable: Callable[[int], bool] = lambda binding_id: False,
    ) -> None:
        self.min_expires = min_expires
        self.default_expires = default_expires
        self.max_expires = max_expires
        self.max_contacts = max_contacts
        self.contact_limit = contact_limit
        self.expires_jitter = expires_jitter
        self.one_contact_per_device = one_contact_per_device
        self.outbound = outbound
        self.flow_timer = flow_timer
        self.gruu = gruu
        self.repeats_allowed = repeats_allowed
        self.is_unreachable = is_unreachable

    def requested(self, address: Address, expires_field: str | None) -> int:
        """Seconds asked for: the Contact's parameter, else the header field, else the default (§10.3 step 7)."""
        if "expires" in address.params:
            return parse_expires(address.params["expires"] or "", self.default_expires)
        if expires_field is not None:
            return parse_expires(expires_field, self.default_expires)
        return max(self.default_expires, self.min_expires)  # our own choice is never too brief for us

    def granted(self, requested: int, chance: float) -> int:
        """Seconds granted of those requested, which are more than 0: never longer (§10.3 step 7).

        ``chance``, at least 0.0 and below 1.0, says how much of the jitter is used. It takes nothing from an interval
        that is as short as ``min_expires`` or shorter.
        """
        granted = min(requested, self.max_expires)
        spare = min(granted * self.expires_jitter // 100, granted - self.min_expires)
        return granted - min(spare, int((spare + 1) * chance)) if spare > 0 else granted

    @property
    def problem(self) -> str:
        """Reason phrase of the refusal."""
        return f"More than {self.max_contacts} contacts for this user"


def make_room(
    limits: Limits, live: list[Binding], current: list[Binding], call_id: str, cseq: int
) -> dict[int, str] | None:
    """Sentences why, by id of each binding that has to go; None when there is no room to be made.

    Of ``live`` those may go that the request of ``call_id`` and ``cseq`` leaves as they are. A later request of the
    same phone that overtook this one has the last word about its contacts (§10.3 step 7).
    """
    excess = len(current) - limits.max_contacts
    if limits.contact_limit == REFUSE:
        return None
    kept = set(map(id, current))
    idle = [one for one in live if id(one) in kept and not (one.call_id == call_id and one.cseq >= cseq)]
    if len(idle) < excess:
        return None
    dead: set[int] = set()
    if limits.contact_limit == REPLACE_UNREACHABLE:
        dead = {binding.id for binding in idle if limits.is_unreachable(binding.id)}
    idle.sort(key=lambda binding: (binding.id not in dead, binding.refreshed_at))
    replaced = f"Replaced by {current[-1].contact}: {limits.problem}, and this one"
    return {
        binding.id: f"{replaced} {'does not answer' if binding.id in dead else 'was heard of longest ago'}"
        for binding in idle[:excess]
    }
