"""Words of a domain's settings: the same in database, command, API and form. Pure."""

from __future__ import annotations

REFUSE = "refuse"
REPLACE_OLDEST = "replace-oldest"
REPLACE_UNREACHABLE = "replace-unreachable"

# What happens to a contact past the limit.
CONTACT_LIMITS = {
    REFUSE: "refuse the new one (403)",
    REPLACE_OLDEST: "replace the one heard of longest ago",
    REPLACE_UNREACHABLE: "replace one that does not answer, else the one heard of longest ago",
}

OPTIONS = "options"
KEEP_OPEN = "keep-open"

# Whether the server says something to its phones between registrations.
KEEP_ALIVES = {
    "off": "say nothing",
    KEEP_OPEN: "two empty lines, which keep a NAT open and are not answered",
    OPTIONS: "OPTIONS, which tells whether a phone answers, and how fast",
}

STORE = "store"

# What happens to a REGISTER with a Path from a phone that does not say that it supports Path (RFC 3327 §5.3).
PATH_WITHOUT_SUPPORT = {
    REFUSE: "refuse the registration (420)",
    STORE: "use the Path, but do not tell the phone",
}

# What a redirected caller learns of the phones.
REDIRECT_REVEALS = {
    "contacts": "their contacts",
    "addresses": "only addresses at this server: a phone's GRUU, or nothing",
}

STRONGEST_FIRST = "strongest-first"
MD5_FIRST = "md5-first"
NO_MD5 = "no-md5"

# Which digest algorithms a challenge offers, in which order (RFC 8760 §2.3).
DIGEST_OFFERS = {
    # Both have 256 bits; linphone of today gives up when the one it does not know comes first.
    STRONGEST_FIRST: ("SHA-256", "SHA-512-256", "MD5"),
    MD5_FIRST: ("MD5", "SHA-256", "SHA-512-256"),
    NO_MD5: ("SHA-256", "SHA-512-256"),
}
DIGEST_ALGORITHMS = {
    STRONGEST_FIRST: "SHA-256, SHA-512-256, MD5",
    MD5_FIRST: "MD5 first, for phones that look at one challenge only",
    NO_MD5: "SHA-256 and SHA-512-256, never MD5",
}


# Whether a MESSAGE for a user without a phone is stored (RFC 3428 §7), and whose.
STORE_MESSAGES = {
    "no": "no: the sender is told that nobody is there (480)",
    "from-users": "yes, from users of this server",
    "from-anybody": "yes, from anybody",
}


def words(choices: dict[str, str]) -> str:
    """What one may enter, for the sentence that refuses something else."""
    return f"Use {' or '.join(choices)}."
