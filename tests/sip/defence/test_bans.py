"""The bans in force (threat 6)."""

import pytest

from sip.defence.bans import Ban, BanList, ban_interval

NOW = 1_700_000_000.0


def a_ban(source, expires_at=None):
    return Ban(source, NOW, expires_at, "guessed")


def test_sources_and_networks():
    bans = BanList([a_ban("198.51.100.66"), a_ban("203.0.113.0/24"), a_ban("2001:db8::5"), a_ban("2001:db9::/32")])
    assert len(bans) == 4
    assert "198.51.100.66" in bans
    assert "198.51.100.67" not in bans
    assert "203.0.113.200" in bans
    assert "2001:db8::/64" in bans
    assert "2001:db9:7::/64" in bans
    assert "2001:dba::/64" not in bans
    assert bans.get("2001:db8::/64").source == "2001:db8::5"
    assert bans.get("203.0.113.200") is None


def test_expiry():
    bans = BanList([a_ban("198.51.100.66", NOW + 60), a_ban("203.0.113.0/24", NOW + 60), a_ban("192.0.2.1")])
    assert bans.take_expired(NOW + 59) == []
    assert [ban.source for ban in bans.take_expired(NOW + 60)] == ["198.51.100.66", "203.0.113.0/24"]
    assert [ban.source for ban in bans] == ["192.0.2.1"]
    assert "203.0.113.200" not in bans


def test_a_ban_made_later():
    bans = BanList()
    bans.add(a_ban("203.0.113.0/24"))
    assert "203.0.113.7" in bans


@pytest.mark.parametrize(("earlier", "hours"), [(0, 1), (1, 2), (3, 8), (5, 24), (1000, 24)])
def test_each_time_it_is_longer_up_to_a_day(earlier, hours):
    assert ban_interval(earlier) == hours * 3600
