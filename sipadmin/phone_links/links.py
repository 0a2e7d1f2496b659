"""Make and redeem links that set up a phone.

The database knows the link's SHA-256 and a password sealed with a key made of the link's text: neither it nor a backup
opens one.
"""

from __future__ import annotations

import base64
import hashlib
import io
import secrets
from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import urlsplit

import segno
from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from registrar.forms import generate_password
from registrar.models import SipUser
from sip.auth.digest import ha1
from sip.transport.flow import host_and_port
from sipadmin.audit.trail import record
from sipadmin.models import PhoneLink
from sipadmin.provisioning import ProvisioningError, save_user

LIFETIME = timedelta(minutes=30)
LONGEST_LIFETIME = timedelta(days=7)
USED_KEPT = timedelta(days=1)


class LinkRefused(ValueError):
    """The link opens nothing. It never says why: used, expired, withdrawn and invented look the same."""


class NewLink(NamedTuple):
    """``text`` exists only here. ``has_new_password``: phones set up before must get it too."""

    link: PhoneLink
    text: str
    has_new_password: bool


class PhoneSettings(NamedTuple):
    """What a phone is told. ``server``: the URI of the registrar to send to."""

    user: SipUser
    password: str
    server: str


def make_link(user: SipUser, server: str, *, password: str | None = None, lifetime: timedelta = LIFETIME) -> NewLink:
    """A new link; earlier ones of this user stop working.

    Only hashes are kept of a password, so that it has to be given to be passed on (ProvisioningError when it is not
    the user's); without one the user gets a new one.
    """
    if not timedelta() < lifetime <= LONGEST_LIFETIME:
        raise ProvisioningError({"lifetime": f"use 1 to {int(LONGEST_LIFETIME.total_seconds())} seconds"})
    if password is not None and not is_password(user, password):
        raise ProvisioningError({"password": "is not the password of this user; leave it out for a new one"})
    has_new_password = password is None
    text = secrets.token_urlsafe(32)
    now = timezone.now()
    with transaction.atomic():
        if password is None:
            password = generate_password()
            user, _ = save_user(user.domain, user.username, may_create=False, password=password)
        PhoneLink.objects.filter(Q(user=user) | Q(expires_at__lt=now - USED_KEPT)).delete()
        link = PhoneLink.objects.create(
            user=user,
            token_hash=hash_text(text),
            sealed_password=sealer(text).encrypt(password.encode()),
            server=server,
            expires_at=now + lifetime,
        )
        record("phone-link.created", str(user), {"expires_at": [None, link.expires_at.isoformat()]})
    return NewLink(link, text, has_new_password)


def withdraw_links(user: SipUser) -> int:
    """Links of the user stop working; how many could still be used."""
    with transaction.atomic():
        open_links = PhoneLink.objects.filter(user=user, used_at=None, expires_at__gt=timezone.now())
        count = open_links.count()
        PhoneLink.objects.filter(user=user).delete()
        if count:
            record("phone-link.deleted", str(user))
    return count


def find_link(text: str, now: datetime | None = None) -> PhoneLink | None:
    """The usable link of this text."""
    usable = PhoneLink.objects.filter(token_hash=hash_text(text), used_at=None, expires_at__gt=now or timezone.now())
    return usable.select_related("user__domain").first()


def redeem(text: str, now: datetime | None = None) -> PhoneSettings:
    """Use the link up; LinkRefused when it does not work any more, or the password has changed since."""
    now = now or timezone.now()
    with transaction.atomic():
        link = find_link(text, now)
        # The update is the lock: of two phones with one link only one changes the row.
        if link is None or not PhoneLink.objects.filter(pk=link.pk, used_at=None).update(
            used_at=now, sealed_password=b""
        ):
            raise LinkRefused
        try:
            password = sealer(text).decrypt(bytes(link.sealed_password)).decode()
        except InvalidToken:
            raise LinkRefused from None
        user = link.user
        if not is_password(user, password) or not (user.enabled and user.domain.enabled):
            raise LinkRefused
        record("phone-link.used", str(user))
    return PhoneSettings(user, password, link.server)


def is_password(user: SipUser, password: str) -> bool:
    """Whether one of the stored hashes is of this password."""
    realm = user.domain.effective_realm
    stored = [("MD5", user.ha1_md5), ("SHA-256", user.ha1_sha256), ("SHA-512-256", user.ha1_sha512_256)]
    known = [(algorithm, value) for algorithm, value in stored if value]
    return bool(known) and all(
        secrets.compare_digest(value, ha1(algorithm, user.username, realm, password)) for algorithm, value in known
    )


def hash_text(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def sealer(text: str) -> Fernet:
    """Keyed by the link's text, which has 256 random bits; not by the hash that the database keeps."""
    key = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=32, person=b"phone link").digest()
    return Fernet(base64.urlsafe_b64encode(key))


def link_url(request: HttpRequest, text: str) -> str:
    return request.build_absolute_uri(reverse("phone-link", args=[text]))


def qr_svg(url: str) -> str:
    """The code as an SVG element, black on white whatever the page looks like."""
    found = io.BytesIO()
    segno.make(url, error="m").save(found, kind="svg", xmldecl=False, scale=4, dark="#000", light="#fff", border=4)
    return found.getvalue().decode()


def server_for(request: HttpRequest) -> str:
    """SIP URI through which a phone reaches this server: where the console is reached, unless we are told better."""
    own = settings.SIPADMIN
    # A phone is set up for UDP where we speak it: every one knows it, and a certificate of our own is known to none.
    listener = next((one for one in own.sip if "udp" in one.protocols), own.sip[0])
    advertised = listener.advertised or own.advertise
    address = advertised or listener.address
    host = address.host
    if not advertised and (address.is_any or address.is_loopback):
        host = urlsplit(f"//{request.get_host()}").hostname or host
    transport = "" if "udp" in listener.protocols else f";transport={listener.protocols[0]}"
    return f"sip:{host_and_port(host, address.port)}{transport}"
