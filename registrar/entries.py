"""A domain and a user as the engine keeps them in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from registrar.call_forwarding import FORWARDING
from registrar.choices import DIGEST_OFFERS
from registrar.domain_settings import SETTINGS
from registrar.models import Domain
from registrar.static_contacts import as_binding
from sip.auth.digest import ALGORITHMS

USER_COLUMNS = (
    "id",
    "username",
    "display_name",
    "enabled",
    "max_contacts",
    "ha1_md5",
    "ha1_sha256",
    "ha1_sha512_256",
    "may_watch",
    *FORWARDING,
)


class DomainEntry:
    """One domain with its users, by name and by alias. ``names`` are its own and its aliases, in lower case."""

    __slots__ = ("_folded", "_lacking", "aliases", "digest_offer", "id", "name", "names", "users", *SETTINGS)

    realm: str
    enabled: bool
    auth_register: bool
    auth_call: bool
    strangers_may_call: bool
    digest_algorithms: str
    min_expires: int
    default_expires: int
    max_expires: int
    expires_jitter: int
    max_contacts: int
    contact_limit: str
    one_contact_per_device: bool
    path_without_support: str
    outbound: bool
    flow_timer: int
    keep_ringing: bool
    wait_for_group: bool
    late_joiners: bool
    follow_redirects: int
    followed_domains: frozenset[str]
    redirect_reveals: str
    redirected_methods: frozenset[str]
    contact_action: bool
    gruu: bool
    store_messages: str
    stored_messages_per_user: int
    stored_message_days: int
    stored_message_size: int
    stored_message_skip: str
    keep_alive: str
    keep_alive_interval: int
    remove_after: int
    service_route: str
    user_in_request_uri: bool
    ignore_case: bool
    repeats_allowed: bool

    def __init__(self, row: Domain, aliases: Iterable[str] = ()) -> None:
        self.id: int = row.pk
        self.users: dict[str, UserEntry] = {}
        self.aliases: dict[str, UserEntry] = {}
        self._lacking: Counter[str] = Counter()
        self.digest_offer: tuple[str, ...] = ()
        self._folded: dict[str, UserEntry] = {}  # by name in lower case; filled only where capitals do not matter
        self.take(row, aliases)

    def take(self, row: Domain, aliases: Iterable[str]) -> None:
        """Become what the database says; the users stay."""
        self.name = row.name.lower()
        self.names = frozenset({self.name, *(name.lower() for name in aliases)})
        for setting in SETTINGS:
            setattr(self, setting, getattr(row, setting))
        self.realm = row.effective_realm
        self._choose_offer()
        self.followed_domains = frozenset(row.followed_domains.split())
        self.redirected_methods = frozenset(row.redirected_methods.split())
        self._folded = {}
        if self.ignore_case:
            for name, user in [*self.users.items(), *self.aliases.items()]:
                self._folded.setdefault(name.lower(), user)

    def find(self, username: str) -> UserEntry | None:
        """The user of that name or alias, enabled or not (§19.1.4: capitals matter, unless the domain says no)."""
        user = self.users.get(username) or self.aliases.get(username)
        if user is None and self.ignore_case:
            user = self._folded.get(username.lower())
        return user

    def add(self, user: UserEntry) -> None:
        self.users[user.username] = user
        self.note_credentials(user, 1)
        for name in user.alias_names:
            self.aliases[name] = user
        if self.ignore_case:
            for name in (user.username, *user.alias_names):
                self._folded.setdefault(name.lower(), user)

    def remove(self, user: UserEntry) -> None:
        """Forget a user's names, unless another has them by now."""
        self.note_credentials(user, -1)
        names = [(self.users, user.username), *[(self.aliases, name) for name in user.alias_names]]
        names += [(self._folded, name.lower()) for _, name in names]
        for table, name in names:
            if table.get(name) is user:
                del table[name]

    def note_credentials(self, user: UserEntry, step: int) -> None:
        """A user comes (``step`` 1) or goes (-1)."""
        lacking = [algorithm for algorithm in ALGORITHMS if not user.ha1(algorithm)]
        if lacking and len(lacking) < len(ALGORITHMS):
            for algorithm in lacking:
                self._lacking[algorithm] += step
            self._choose_offer()

    def _choose_offer(self) -> None:
        # Algorithms of a challenge (RFC 8760 §2.3). One for which a user has no HA1, imported say from a server that
        # kept MD5 alone, is offered to nobody: his phone would choose it, and a challenge of his own would tell that
        # he exists.
        wanted = DIGEST_OFFERS[self.digest_algorithms]
        self.digest_offer = tuple(one for one in wanted if not self._lacking[one]) or wanted

    def ha1_for(self, username: str, algorithm: str) -> str | None:
        """Hex H(A1) of an enabled user, for sip.auth; an alias is no digest name (§22.4)."""
        user = self.users.get(username)
        return user.ha1(algorithm) if user is not None and user.enabled else None

    def __repr__(self) -> str:
        return f"<DomainEntry {self.name}>"


class UserEntry:
    """One user. ``aor`` is canonical, such as ``sip:bob@example.org``; ``max_contacts`` is the effective limit."""

    __slots__ = (
        "_max_contacts",
        "_md5",
        "_sha256",
        "_sha512_256",
        "alias_names",
        "aor",
        "display_name",
        "do_not_disturb",
        "domain",
        "enabled",
        "forward_always",
        "forward_busy",
        "forward_no_answer",
        "id",
        "may_watch",
        "static_contacts",
        "username",
    )

    def __init__(
        self,
        domain: DomainEntry,
        row: tuple[Any, ...],
        alias_names: tuple[str, ...] = (),
        static_contacts: Iterable[dict[str, Any]] = (),
    ) -> None:
        """``row``: values of USER_COLUMNS; ``static_contacts``: as read_static_contacts gives them."""
        self.domain = domain
        self.alias_names = alias_names
        self.id: int
        self.id, self.username, self.display_name, self.enabled, self._max_contacts = row[:5]
        self._md5, self._sha256, self._sha512_256 = row[5:8]
        self.may_watch: bool = row[8]
        self.do_not_disturb: bool
        self.forward_always: str
        self.forward_busy: str
        self.forward_no_answer: str
        self.do_not_disturb, self.forward_always, self.forward_busy, self.forward_no_answer = row[9:]
        self.aor = f"sip:{self.username}@{domain.name}"
        self.static_contacts = [as_binding(self.aor, one) for one in static_contacts]

    @property
    def max_contacts(self) -> int:
        return self.domain.max_contacts if self._max_contacts is None else self._max_contacts

    @property
    def is_active(self) -> bool:
        """Whether the user exists for callers and phones (R38)."""
        return self.enabled and self.domain.enabled

    def ha1(self, algorithm: str) -> str | None:
        """Hex H(A1) for "MD5", "SHA-256" or "SHA-512-256", None when there is none."""
        if algorithm == "MD5":
            return self._md5 or None
        return (self._sha256 if algorithm == "SHA-256" else self._sha512_256) or None

    def __repr__(self) -> str:
        return f"<UserEntry {self.aor}>"
