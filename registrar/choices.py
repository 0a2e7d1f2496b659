"""Words of a domain's settings: the same in database, command, API and form. Pure."""

from __future__ import annotations

REFUSE = "refuse"
REPLACE_OLDEST = "replace-oldest"

# What happens to a contact past the limit.
CONTACT_LIMITS = {
    REFUSE: "refuse the new one (403)",
    REPLACE_OLDEST: "replace the one heard of longest ago",
}

STORE = "store"

# What happens to a REGISTER with a Path from a phone that does not say that it supports Path (RFC 3327 §5.3).
PATH_WITHOUT_SUPPORT = {
    REFUSE: "refuse the registration (420)",
    STORE: "use the Path, but do not tell the phone",
}


def words(choices: dict[str, str]) -> str:
    """What one may enter, for the sentence that refuses something else."""
    return f"Use {' or '.join(choices)}."
