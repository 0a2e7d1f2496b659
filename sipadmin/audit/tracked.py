"""What the trail follows: configuration, console accounts, tokens, and who logs in."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db.models import Model

from proxy.models import CallShare, DeliveryPolicy, RecordingSettings, RoutingRule
from registrar.models import Alias, Domain, DomainAlias, SipUser, StaticContact, ThirdPartyRule
from sipadmin.accounts.models import ApiToken
from sipadmin.audit.trail import record, track, track_part

PASSWORD = {"ha1_md5": "password", "ha1_sha256": "password", "ha1_sha512_256": "password"}


def connect() -> None:
    """Called once, when the apps are ready. Other apps track their models from their own ``ready``."""
    track(Domain, "domain")
    track(SipUser, "user", secrets=PASSWORD, left_out=["domain"])
    track(RoutingRule, "routing-rule")
    track(ThirdPartyRule, "third-party-rule", lambda rule: f"{rule.actor} for {rule.target}")
    track(get_user_model(), "account", secrets={"password": "password"}, left_out=["date_joined"])
    track(ApiToken, "token", secrets={"secret_hash": "secret"}, left_out=["key"])
    track_list(DomainAlias, "domain", "aliases", "name")
    track_list(Alias, "user", "aliases", "name")
    track_list(StaticContact, "user", "static_contacts", "contact")
    track(CallShare, "call-share", secrets={"key_hash": "link"})
    track(RecordingSettings, "recording", lambda settings: "server")
    track_part(DeliveryPolicy, owner_kind, owner_name, left_out=["domain", "user", "is_server"])
    user_logged_in.connect(note_login, dispatch_uid="audit-login")
    user_logged_out.connect(note_logout, dispatch_uid="audit-logout")
    user_login_failed.connect(note_failed_login, dispatch_uid="audit-login-failed")


def track_list(model: type[Model], owner: str, list_name: str, column: str) -> None:
    """Follow rows that are one list of their ``owner`` (a foreign key, and the kind it goes by): texts of a column."""

    def texts(row: Any) -> list[str]:
        rows = model._default_manager.filter(**{owner: getattr(row, owner)})
        return list(rows.values_list(column, flat=True))

    track_part(model, lambda row: owner, lambda row: str(getattr(row, owner)), list_name=list_name, list_of=texts)


def owner_kind(policy: DeliveryPolicy) -> str:
    return "user" if policy.user_id else "domain" if policy.domain_id else "server"


def owner_name(policy: DeliveryPolicy) -> str:
    return str(policy.user or policy.domain or "")


def note_login(sender: Any, user: Any, **kwargs: Any) -> None:
    record("login.succeeded", user.get_username())


def note_logout(sender: Any, user: Any, **kwargs: Any) -> None:
    if user is not None:
        record("login.ended", user.get_username())


def note_failed_login(sender: Any, credentials: dict[str, Any], **kwargs: Any) -> None:
    # Typed by a stranger, who may have put a password there: the name is kept only when such an account exists.
    name = str(credentials.get("username", ""))
    is_known = get_user_model()._default_manager.filter(username=name).exists()
    record("login.failed", name if is_known else "(no such account)")
