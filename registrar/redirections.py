"""Which redirections a domain follows, and which methods it redirects, as people write them. Pure."""

from __future__ import annotations

import re

MOST_FOLLOWED = 5  # contacts of 3xx responses tried for one request; each may send us somewhere we have never been
ANY_DOMAIN = "*"

_HOST = re.compile(r"\[[0-9a-f:.]+\]|[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_METHOD = re.compile(r"[A-Z0-9.!%*_+`'~-]{1,32}")  # §25.1 token; methods are upper case by custom


def check_redirections(followed: int, domains: str, methods: str) -> tuple[str, str, dict[str, str]]:
    """Both lists in one spelling, and what is wrong by setting."""
    names = domains.replace(",", " ").lower().split()
    wanted = methods.replace(",", " ").upper().split()
    errors = {}
    strange = [name for name in names if name != ANY_DOMAIN and not _HOST.fullmatch(name)]
    if strange:
        errors["followed_domains"] = f"{strange[0]!r} is no domain; use names such as example.org, or *"
    elif followed and not names:
        errors["followed_domains"] = "name the domains that redirections are followed to, or * for any"
    strange = [method for method in wanted if not _METHOD.fullmatch(method)]
    if strange:
        errors["redirected_methods"] = f"{strange[0]!r} is no method; use names such as INVITE"
    elif {"ACK", "CANCEL", "BYE", "REGISTER"} & set(wanted):
        # §8.3, D05: what belongs to a dialog or to the registrar is never redirected.
        errors["redirected_methods"] = "ACK, CANCEL, BYE and REGISTER are never redirected"
    return " ".join(dict.fromkeys(names)), " ".join(dict.fromkeys(wanted)), errors
