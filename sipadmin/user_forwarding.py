"""Call forwarding of a user before it is saved: addresses in one spelling, and no circle of users."""

from __future__ import annotations

from django.db.models import Q

from registrar.call_forwarding import MOST_FORWARDS, TARGETS, forward_target
from registrar.models import SipUser
from sip.message.uri import Uri


def check_forwarding(user: SipUser) -> dict[str, str]:
    """Writes the targets as SIP URIs into the user; gives what is wrong, by field."""
    errors: dict[str, str] = {}
    for field in TARGETS:
        try:
            setattr(user, field, forward_target(getattr(user, field), user.username, user.domain.name))
        except ValueError as error:
            errors[field] = str(error)
    if not errors and user.forward_always:
        problem = circle(user)
        if problem:
            errors["forward_always"] = problem
    return errors


def circle(user: SipUser) -> str:
    """Why calls that are always forwarded would reach nobody; empty when they leave the chain."""
    chain = [user.username]
    target = user.forward_always
    while target:
        if len(chain) > MOST_FORWARDS:
            return f"{' to '.join(chain)}: calls are forwarded {MOST_FORWARDS} times at most"
        uri = Uri.parse(target)
        # He may be new, or have been known by another name.
        next_user = user if (uri.host, uri.username) == (user.domain.name, user.username) else owner_of(uri)
        if next_user is None:
            return ""
        chain.append(next_user.username)
        if (next_user.domain_id, next_user.username) == (user.domain_id, user.username):
            return f"{' to '.join(chain)}: calls would go round in circles"
        target = next_user.forward_always
    return ""


def owner_of(uri: Uri) -> SipUser | None:
    """The user of ours that a target means, by name or alias; None for anybody elsewhere."""
    domain = Q(domain__name=uri.host) | Q(domain__aliases__name=uri.host)
    name = Q(username=uri.username) | Q(aliases__name=uri.username)
    return SipUser.objects.filter(domain, name).select_related("domain").first()
