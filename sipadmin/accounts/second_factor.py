"""The second factor of a console account: one TOTP device and ten recovery codes (django-otp)."""

from __future__ import annotations

import base64
import secrets
from typing import Any

from django.db import transaction
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

RECOVERY_CODES = 10
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that looks like something else


def has_second_factor(account: Any) -> bool:
    return TOTPDevice.objects.filter(user=account, confirmed=True).exists()


def new_device(account: Any) -> TOTPDevice:
    """A device that waits for its first code; the one that waited before is gone."""
    with transaction.atomic():
        TOTPDevice.objects.filter(user=account, confirmed=False).delete()
        return TOTPDevice.objects.create(user=account, name="authenticator", confirmed=False)


def waiting_device(account: Any) -> TOTPDevice | None:
    return TOTPDevice.objects.filter(user=account, confirmed=False).first()


def secret_text(device: TOTPDevice) -> str:
    """For those who type instead of scanning: base 32 in groups of four."""
    text = base64.b32encode(device.bin_key).decode().rstrip("=")
    return " ".join(text[start : start + 4] for start in range(0, len(text), 4))


def confirm(device: TOTPDevice, code: str) -> list[str] | None:
    """Switch the factor on when ``code`` is right: new recovery codes, which exist only here. None otherwise."""
    if not device.verify_token(code.replace(" ", "")):
        return None
    with transaction.atomic():
        TOTPDevice.objects.filter(user=device.user, confirmed=True).delete()
        device.confirmed = True
        device.save()
        return make_recovery_codes(device.user)


def make_recovery_codes(account: Any) -> list[str]:
    """Ten new ones; those before stop working."""
    codes = [f"{half()}-{half()}" for _ in range(RECOVERY_CODES)]
    with transaction.atomic():
        StaticDevice.objects.filter(user=account).delete()
        device = StaticDevice.objects.create(user=account, name="recovery codes")
        StaticToken.objects.bulk_create(StaticToken(device=device, token=code) for code in codes)
    return codes


def half() -> str:
    """Half of a code: 25 random bits."""
    return "".join(secrets.choice(ALPHABET) for _ in range(5))


def codes_left(account: Any) -> int:
    return StaticToken.objects.filter(device__user=account).count()


def check(account: Any, code: str) -> bool:
    """Whether ``code`` is the device's, or a recovery code, which it uses up. Wrong ones make the next wait longer."""
    text = code.strip().lower()
    device = TOTPDevice.objects.filter(user=account, confirmed=True).first()
    if text.replace(" ", "").isdigit():
        return device is not None and device.verify_token(text.replace(" ", ""))
    recovery = StaticDevice.objects.filter(user=account).first()
    return recovery is not None and recovery.verify_token(text)


def remove(account: Any) -> None:
    with transaction.atomic():
        TOTPDevice.objects.filter(user=account).delete()
        StaticDevice.objects.filter(user=account).delete()
