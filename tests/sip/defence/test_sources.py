"""Whom traffic counts against (threats 6 to 8)."""

from ipaddress import ip_network

import pytest

from sip.defence.sources import SourceSet, is_loopback, is_within, parse_source, source_of, source_text


@pytest.mark.parametrize(
    ("host", "source"),
    [
        ("192.0.2.9", "192.0.2.9"),
        ("::ffff:192.0.2.9", "192.0.2.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1%eth0", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::1"),
        ("::1", "::1"),
        ("not numeric", "not numeric"),
    ],
)
def test_source(host, source):
    assert source_of(host) == source


@pytest.mark.parametrize(
    ("text", "source"),
    [
        (" 192.0.2.9 ", "192.0.2.9"),
        ("192.0.2.9/24", "192.0.2.0/24"),
        ("::ffff:192.0.2.9", "192.0.2.9"),
        ("2001:db8::5", "2001:db8::/64"),
        ("2001:db8::/64", "2001:db8::/64"),
        ("2001:db8::/32", "2001:db8::/32"),
    ],
)
def test_what_people_write(text, source):
    assert source_text(parse_source(text)) == source


def test_what_is_no_network():
    with pytest.raises(ValueError, match="not-an-address"):
        parse_source("not-an-address")


def test_loopback():
    assert is_loopback("127.0.0.9")
    assert is_loopback("::1")
    assert not is_loopback("192.0.2.1")


def test_networks():
    networks = SourceSet([ip_network("192.0.2.0/24"), ip_network("2001:db8::/32"), ip_network("2001:db9::7/128")])
    assert "192.0.2.77" in networks
    assert "192.0.2.77" in networks  # the second time from memory
    assert "198.51.100.1" not in networks
    assert "2001:db8:1:2::/64" in networks
    assert "2001:db9::/64" in networks
    assert "2001:dba::/64" not in networks
    assert "not numeric" not in networks
    assert "192.0.2.77" not in SourceSet()


def test_families_do_not_mix():
    assert not is_within(ip_network("192.0.2.0/24"), ip_network("::/0"))
    assert not is_within(ip_network("2001:db8::/32"), ip_network("0.0.0.0/0"))


def test_memory_is_bounded(monkeypatch):
    monkeypatch.setattr("sip.defence.sources.MAX_KEPT", 10)
    networks = SourceSet([ip_network("192.0.2.0/24")])
    for number in range(100):
        assert f"192.0.2.{number}" in networks
    assert len(networks._known) <= 10
