"""Sets and removes static contacts of users: one copy for the page and the API."""

from __future__ import annotations

from datetime import UTC, datetime
from secrets import randbits

from django.db import transaction
from django.utils import timezone

from registrar.contacts import contact_problem
from registrar.models import SipUser, StaticContact
from sip.message.address import Address
from sip.message.errors import BadMessage
from sip.message.uri import Uri
from sipadmin.provisioning import ProvisioningError

MOST = 20  # of one user; each is called with every call
NEVER = datetime(9999, 12, 31, tzinfo=UTC)  # what every database can hold
_ID_BITS = 52  # as the engine chooses its own


def add_static_contact(user: SipUser, contact: str, q: float = 1.0, label: str = "") -> StaticContact:
    """A contact that never expires, with its preference from 0 to 1; ProvisioningError by field."""
    contact = contact.strip()
    uri = checked(contact, user.aor)
    if not 0 <= q <= 1:
        raise ProvisioningError({"q": "use 0 to 1"})
    with transaction.atomic():
        SipUser.objects.select_for_update().filter(pk=user.pk).first()
        known = list(StaticContact.objects.filter(user=user).values_list("contact", flat=True))
        if len(known) >= MOST:
            raise ProvisioningError({"contact": f"a user has {MOST} static contacts at most"})
        if any(Uri.parse(other).equals(uri) for other in known):
            raise ProvisioningError({"contact": "this user has the same contact already"})
        now = timezone.now()
        return StaticContact.objects.create(
            id=randbits(_ID_BITS) or 1,
            user=user,
            contact=contact,
            q=round(q, 3),
            user_agent=label.strip(),
            is_static=True,
            expires_at=NEVER,
            call_id="",
            cseq=0,
            transport="",
            received_from="",
            created_at=now,
            refreshed_at=now,
        )


def checked(contact: str, aor: str) -> Uri:
    """The contact as a URI, judged as those of REGISTERs are; ProvisioningError says what is wrong."""
    if any(character in ' <>"' or not character.isprintable() for character in contact) or ":" not in contact:
        raise ProvisioningError({"contact": "use a URI without brackets, such as sip:door@192.0.2.7"})
    try:
        # An administrator may mean a program on this machine; where we are ourselves only the engine knows.
        problem = contact_problem(Address.parse(f"<{contact}>"), aor, lambda host, port: False, is_local=True)
    except BadMessage as error:
        raise ProvisioningError({"contact": error.reason}) from None
    if problem is not None:
        raise ProvisioningError({"contact": problem[1]})
    return Uri.parse(contact)
