"""The certificate that the server makes for itself."""

from __future__ import annotations

import datetime
import ssl
from pathlib import Path

import pytest

from sip.transport.own_certificate import RENEWED, VALID, is_due, make_certificate
from tests.sip.transport.certificates import certificate

NOW = datetime.datetime(2026, 11, 25, tzinfo=datetime.UTC)
NAMES = ["sip.example.org", "192.0.2.1", "2001:db8::1"]


def test_it_has_the_names_and_is_no_authority(tmp_path: Path) -> None:
    files = certificate(tmp_path, *NAMES)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    context.load_verify_locations(files.chain)
    (found,) = context.get_ca_certs() or [None]
    assert found is None  # no CA, so not among them
    details = ssl._ssl._test_decode_cert(files.chain)  # type: ignore[attr-defined]
    assert details["subjectAltName"] == (
        ("DNS", "sip.example.org"),
        ("IP Address", "192.0.2.1"),
        ("IP Address", "2001:DB8:0:0:0:0:0:1"),
    )


@pytest.mark.parametrize(
    ("names", "after", "due"),
    [
        (NAMES, datetime.timedelta(0), False),
        (NAMES[1:], datetime.timedelta(0), False),
        ([*NAMES, "other.example"], datetime.timedelta(0), True),
        (NAMES, VALID - RENEWED - datetime.timedelta(minutes=1), False),
        (NAMES, VALID - RENEWED + datetime.timedelta(minutes=1), True),
    ],
)
def test_when_it_is_made_anew(names: list[str], after: datetime.timedelta, due: bool) -> None:
    chain, _ = make_certificate(NAMES, NOW)
    assert is_due(chain, names, NOW + after) is due


def test_what_is_no_certificate_is_made_anew() -> None:
    assert is_due(b"nonsense", NAMES, NOW)
