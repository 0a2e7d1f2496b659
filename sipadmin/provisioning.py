"""Create and change domains, users and delivery policy: one copy for commands, pages and the API.

Every function validates first and writes in one transaction; a refusal is a ProvisioningError whose
``errors`` are sentences by field. Many users at once: user_import.py. What is saved reaches
the engine through changes.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError
from django.db import models, transaction

from proxy.choices import INHERIT, parse_policy
from proxy.models import DeliveryPolicy
from registrar.columns import LARGEST_NUMBER
from registrar.domain_settings import SETTINGS
from registrar.models import Alias, Domain, DomainAlias, SipUser
from sipadmin.user_forwarding import check_forwarding

# "Leave it as it is", where None has a meaning of its own (inherit the domain's value).
KEEP: Any = object()

DOMAIN_KEYS = (*SETTINGS, "policy", "ring_time", "alias")
TRUE_WORDS = ("on", "true", "yes", "1")
FALSE_WORDS = ("off", "false", "no", "0")


class ProvisioningError(ValueError):
    """Nothing was changed. ``errors`` maps a field name ('' for the whole) to a sentence."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        self.errors = dict(errors)
        super().__init__("; ".join(f"{field}: {text}" if field else text for field, text in self.errors.items()))


class DomainChange(NamedTuple):
    domain: Domain
    is_new: bool
    warnings: list[str]


def set_policy(owner: Domain | SipUser | None, policy: str = KEEP, ring_time: int | None = KEEP) -> None:
    """Set the delivery policy of a user, a domain, or (None) the server.

    ``ring_time`` in seconds; None inherits it. A user or domain that inherits both has no row
    at all. ProvisioningError for a policy that is none.
    """
    errors: dict[str, str] = {}
    if policy is not KEEP:
        try:
            policy = str(parse_policy(policy))
        except ValueError as error:
            errors["policy"] = str(error)
        if policy == INHERIT and owner is None:
            errors["policy"] = "the server's own policy has nothing to inherit from"
    if ring_time is not KEEP and ring_time is not None and not 1 <= ring_time <= 3600:
        errors["ring_time"] = "use 1 to 3600 seconds"
    if errors:
        raise ProvisioningError(errors)
    with transaction.atomic():
        place = policy_place(owner)
        row = DeliveryPolicy.objects.filter(**place).first()
        if row is None:
            row = DeliveryPolicy(**place, policy="proxy" if owner is None else INHERIT)
        if policy is not KEEP:
            row.policy = policy
        if ring_time is not KEEP:
            row.ring_time = ring_time
        if owner is not None and row.policy == INHERIT and row.ring_time is None:
            if row.pk:
                row.delete()
        else:
            row.save()


def policy_place(owner: Domain | SipUser | None) -> dict[str, Any]:
    """The owner as column values of DeliveryPolicy."""
    if owner is None:
        return {"is_server": True}
    return {"domain": owner} if isinstance(owner, Domain) else {"user": owner}


def own_policy(owner: Domain | SipUser | None) -> tuple[str, int | None]:
    """The policy text and ring time set at this very place, before inheritance."""
    row = DeliveryPolicy.objects.filter(**policy_place(owner)).first()
    if row is None:
        return (INHERIT if owner is not None else "proxy"), None
    return row.policy, row.ring_time


def own_policies(users: models.QuerySet[SipUser]) -> dict[int, tuple[str, int | None]]:
    """What is set for each of many users, by primary key; who inherits everything is not in it."""
    rows = DeliveryPolicy.objects.filter(user__in=users).values_list("user_id", "policy", "ring_time")
    return {user_id: (policy, ring_time) for user_id, policy, ring_time in rows if user_id is not None}


def change_domain(name: str, settings: Mapping[str, str], *, may_create: bool = True) -> DomainChange:
    """Create or change the domain ``name``; ``settings`` are texts by DOMAIN_KEYS, as in ``key=value``.

    ``alias`` adds names, separated by commas; one after ``-`` is removed. ``ring_time`` may be ``inherit``.
    """
    return save_domain(name, may_create=may_create, **parse_domain_settings(settings))


def parse_domain_settings(settings: Mapping[str, str]) -> dict[str, Any]:
    """Typed arguments of save_domain; ProvisioningError lists the keys when one is unknown."""
    errors: dict[str, str] = {}
    values: dict[str, Any] = {}
    for key, text in settings.items():
        text = text.strip()
        try:
            if key in SETTINGS:
                values[key] = parse_setting(key, text)
            elif key == "policy":
                values[key] = text
            elif key == "ring_time":
                values[key] = None if text in ("", INHERIT) else parse_number(text)
            elif key == "alias":
                names = [word.strip() for word in text.split(",") if word.strip()]
                values["add_aliases"] = [name for name in names if not name.startswith("-")]
                values["remove_aliases"] = [name[1:] for name in names if name.startswith("-")]
            else:
                errors[key] = f"not a setting; there are {', '.join(DOMAIN_KEYS)}"
        except ValueError as error:
            errors[key] = str(error)
    if errors:
        raise ProvisioningError(errors)
    return values


def parse_setting(name: str, text: str) -> Any:
    field = Domain._meta.get_field(name)
    if isinstance(field, models.BooleanField):
        return parse_boolean(text)
    return parse_number(text) if isinstance(field, models.IntegerField) else text


def parse_boolean(text: str) -> bool:
    word = text.lower()
    if word not in TRUE_WORDS + FALSE_WORDS:
        raise ValueError(f"{text!r} is neither on nor off")
    return word in TRUE_WORDS


def parse_number(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) > LARGEST_NUMBER:
        raise ValueError(f"{text!r} is not a whole number from 0 to {LARGEST_NUMBER}")
    return int(text)


def save_domain(
    name: str,
    *,
    may_create: bool = True,
    aliases: Iterable[str] | None = None,
    add_aliases: Iterable[str] = (),
    remove_aliases: Iterable[str] = (),
    policy: str = KEEP,
    ring_time: int | None = KEEP,
    **fields: Any,
) -> DomainChange:
    """Create or change a domain. ``aliases`` replaces all alias names; ``fields`` are columns of Domain."""
    name = name.strip().lower()
    refuse_zero_bytes("name", [name])
    with transaction.atomic():
        domain = Domain.objects.select_for_update().filter(name=name).first()
        is_new = domain is None
        if domain is None:
            if not may_create:
                raise ProvisioningError({"name": f"there is no domain {name}"})
            if DomainAlias.objects.filter(name=name).exists():
                raise ProvisioningError({"name": f"{name} is already an alias of another domain"})
            domain = Domain(name=name)
        old_realm = domain.effective_realm
        for field, value in fields.items():
            setattr(domain, field, value)
        check_model(domain)
        if not domain.min_expires <= domain.default_expires <= domain.max_expires:
            raise ProvisioningError({"default_expires": "min_expires <= default_expires <= max_expires must hold"})
        has_policy = policy is not KEEP or ring_time is not KEEP
        add_aliases, remove_aliases = list(add_aliases), list(remove_aliases)
        if is_new or fields or has_policy or aliases is not None or add_aliases or remove_aliases:
            if not is_new:
                domain.version += 1
            domain.save()
        save_domain_aliases(domain, aliases, add_aliases, remove_aliases)
        if has_policy:
            set_policy(domain, policy, ring_time)
        warnings = [] if is_new or domain.effective_realm == old_realm else realm_warnings(domain)
    return DomainChange(domain, is_new, warnings)


def realm_warnings(domain: Domain) -> list[str]:
    """RFC 7616 §3.4.2: HA1 holds the realm, so that a new realm makes every stored one useless."""
    count = domain.users.exclude(ha1_md5="", ha1_sha256="").count()
    if not count:
        return []
    return [f"the realm is now {domain.effective_realm}: {count} users need a new password before they can log in"]


def save_domain_aliases(
    domain: Domain, aliases: Iterable[str] | None, added: Iterable[str], removed: Iterable[str]
) -> None:
    known = set(domain.aliases.values_list("name", flat=True))
    wanted = known if aliases is None else {name.strip().lower() for name in aliases}
    wanted = (wanted | {name.lower() for name in added}) - {name.lower() for name in removed}
    refuse_zero_bytes("alias", wanted)
    for name in sorted(wanted - known):
        if Domain.objects.filter(name=name).exists():
            raise ProvisioningError({"alias": f"{name} is already a domain"})
        alias = DomainAlias(domain=domain, name=name)
        check_model(alias, field="alias")
        alias.save()
    for alias in domain.aliases.filter(name__in=known - wanted):
        alias.delete()


def save_user(
    domain: Domain,
    username: str,
    *,
    password: str | None = None,
    ha1_md5: str | None = None,
    ha1_sha256: str | None = None,
    policy: str = KEEP,
    ring_time: int | None = KEEP,
    aliases: Iterable[str] | None = None,
    may_create: bool = True,
    **fields: Any,
) -> tuple[SipUser, bool]:
    """Create or change one user; (user, is it new). ``fields``: other columns of SipUser.

    What is not named stays as it is. ``aliases`` replaces all of them. A password sets every HA1; given HA1
    values replace them all, since the missing one belongs to another password.
    """
    refuse_zero_bytes("username", [username])
    with transaction.atomic():
        user = SipUser.objects.select_for_update().filter(domain=domain, username=username).first()
        is_new = user is None
        if user is None:
            if not may_create:
                raise ProvisioningError({"username": f"there is no user {username} in {domain.name}"})
            if Alias.objects.filter(domain=domain, name=username).exists():
                raise ProvisioningError({"username": f"{username} is already an alias in {domain.name}"})
            user = SipUser(domain=domain, username=username)
        for field, value in fields.items():
            setattr(user, field, value)
        errors = check_forwarding(user)
        if errors:
            raise ProvisioningError(errors)
        check_model(user)
        set_credentials(user, password, ha1_md5, ha1_sha256)
        has_policy = policy is not KEEP or ring_time is not KEEP
        has_changed = bool(fields) or has_policy or (password, ha1_md5, ha1_sha256) != (None, None, None)
        if is_new or has_changed or aliases is not None:
            if not is_new:
                user.version += 1
            user.save()
        if aliases is not None:
            save_user_aliases(user, aliases)
        if has_policy:
            set_policy(user, policy, ring_time)
    return user, is_new


def set_credentials(user: SipUser, password: str | None, ha1_md5: str | None, ha1_sha256: str | None) -> None:
    given = {"ha1_md5": (ha1_md5, 32), "ha1_sha256": (ha1_sha256, 64)}
    if password is not None:
        if ha1_md5 or ha1_sha256:
            raise ProvisioningError({"password": "give a password or HA1 values, not both"})
        if not password:
            raise ProvisioningError({"password": "a password cannot be empty"})
        user.set_password(password)
        return
    if ha1_md5 is None and ha1_sha256 is None:
        return
    user.ha1_md5 = user.ha1_sha256 = user.ha1_sha512_256 = ""
    for field, (value, length) in given.items():
        if value:
            setattr(user, field, parse_ha1(value, length, field))


def parse_ha1(text: str, length: int, field: str) -> str:
    text = text.lower()
    if len(text) != length or any(character not in "0123456789abcdef" for character in text):
        raise ProvisioningError({field: f"must be {length} hexadecimal digits"})
    return text


def save_user_aliases(user: SipUser, aliases: Iterable[str]) -> None:
    wanted = {name.strip() for name in aliases}
    known = set(user.aliases.values_list("name", flat=True))
    refuse_zero_bytes("aliases", wanted)
    for name in sorted(wanted - known):
        if SipUser.objects.filter(domain=user.domain, username=name).exists():
            raise ProvisioningError({"aliases": f"{name} is already a user in {user.domain.name}"})
        alias = Alias(domain=user.domain, user=user, name=name)
        check_model(alias, field="aliases")
        alias.save()
    for alias in user.aliases.filter(name__in=known - wanted):
        alias.delete()


def refuse_zero_bytes(field: str, names: Iterable[str]) -> None:
    """Before any of them is looked for: PostgreSQL fails at the question, long before a validator sees the name."""
    if any("\0" in name for name in names):
        raise ProvisioningError({field: "a name cannot hold a zero byte"})


def check_model(row: models.Model, field: str = "") -> None:
    """full_clean, with Django's nested messages flattened to one sentence a field."""
    try:
        row.full_clean()
    except ValidationError as error:
        raise ProvisioningError(
            {
                field or ("" if name == "__all__" else name): " ".join(texts)
                for name, texts in error.message_dict.items()
            }
        ) from None
