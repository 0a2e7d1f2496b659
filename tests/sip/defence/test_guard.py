"""Bans, floods and locked-out users (threats 5 to 8)."""

from ipaddress import ip_network

import pytest

from sip.auth.authenticator import Failure
from sip.defence.bans import Ban
from sip.defence.guard import Guard
from sip.transport.flow import Flow

NOW = 1_700_000_000.0
REALM = "example.org"
OFFICE, MALLORY = "192.0.2.10", "198.51.100.66"


class House:
    """A guard, and what it decided."""

    def __init__(self, **options):
        self.bans = []
        self.guard = Guard(self.bans.append, lambda now: NOW + now, **options)

    def guess(self, times=1, username="bob", source=MALLORY, *, known=True, proven=True, right=False, at=NOW):
        """As the authenticator does: first whether the user is locked out there, then what came of it."""
        for _ in range(times):
            is_locked = self.guard.is_locked(source, REALM, username, at)
            if right and not is_locked:
                self.guard.succeeded(source, REALM, username, at)
            else:
                self.guard.failed(Failure(source, REALM, username, known, proven, is_locked), at)

    def admits(self, source=MALLORY, now=0.0, protocol="udp"):
        return self.guard.admits(flow(source, protocol), now)

    @property
    def banned(self):
        return [ban.source for ban in self.bans]


def flow(source, protocol="udp"):
    return Flow(protocol, ("192.0.2.1", 5060), (source, 5060))


@pytest.fixture
def house():
    return House()


@pytest.mark.threat(6)
class TestGuessing:
    """Threat 6."""

    def test_one_user_again_and_again(self, house):
        house.guess(24)
        assert house.banned == []
        house.guess(1)
        assert house.banned == [MALLORY]
        assert not house.admits(MALLORY)
        assert house.admits(OFFICE)
        assert house.guard.count["banned"] == 1

    def test_names_that_do_not_exist_weigh_more(self, house):
        for number in range(5):
            assert house.banned == []
            house.guess(1, f"10{number}", known=False)
        assert house.banned == [MALLORY]

    def test_the_owner_elsewhere_is_not_touched(self, house):
        house.guess(30)
        assert not house.guard.is_locked(OFFICE, REALM, "bob", NOW)
        assert house.admits(OFFICE)

    def test_a_ban_says_why_and_until_when(self, house):
        house.guess(3)
        house.guess(5, "alice", at=NOW + 60)
        house.guess(30, "carol", at=NOW + 70)
        [ban] = house.bans
        assert ban.reason == "10 x wrong password within 10 minutes"
        assert (ban.score, len(ban.evidence), ban.made_by) == (20, 10, "")
        assert ban.evidence[0] == {"at": NOW, "kind": "wrong-password", "detail": "bob@example.org", "points": 2.0}
        assert ban.expires_at == NOW + 70 + 3600

    def test_it_ends_and_the_next_one_is_longer(self, house):
        house.guess(30)
        assert [ban.source for ban in house.guard.take_expired(NOW + 3600)] == [MALLORY]
        assert house.admits()
        house.guess(30, at=NOW + 4000)
        assert house.bans[1].expires_at == NOW + 4000 + 7200
        house.guard.take_expired(NOW + 20_000)
        house.guess(30, at=NOW + 30 * 86_400)
        assert house.bans[2].expires_at == NOW + 30 * 86_400 + 3600

    def test_bans_of_an_earlier_process_are_remembered(self, house):
        house.guard.recall([(MALLORY, NOW - 86_400), (MALLORY, NOW - 3600)])
        house.guess(30)
        assert house.bans[0].expires_at == NOW + 4 * 3600

    def test_a_phone_with_an_old_password_is_contained(self, house):
        """It tries every half minute, for ever; its office goes on telephoning."""
        for number in range(2000):
            house.guess(1, source=OFFICE, at=NOW + number * 30)
        assert house.banned == []

    def test_a_phone_of_a_deleted_user_too(self, house):
        for number in range(2000):
            house.guess(1, "gone", source=OFFICE, known=False, at=NOW + number * 30)
        assert house.banned == []

    def test_a_right_password_forgets_his_own_failures(self, house):
        house.guess(4)
        house.guess(1, right=True)
        house.guess(4)
        assert not house.guard.is_locked(MALLORY, REALM, "bob", NOW)

    def test_trusted_networks_are_exempt(self):
        house = House(trusted=[ip_network("198.51.100.0/24")])
        house.guess(1000)
        assert house.banned == []
        assert not house.guard.is_locked(MALLORY, REALM, "bob", NOW)
        assert house.guard.facts(NOW)["sources"][0]["exempt"] == "It is in a trusted network."

    def test_so_is_where_an_administrator_is_logged_in(self, house):
        house.guard.install([], {MALLORY: "ada"}, NOW)
        house.guess(1000)
        assert house.banned == []
        assert house.guard.why_exempt(MALLORY) == "ada is logged in at the console from there."

    def test_his_address_is_let_in_again(self, house):
        house.guess(30)
        house.guard.install(house.bans, {MALLORY: "ada"}, NOW)
        assert house.admits()

    def test_an_ipv6_host_cannot_change_its_address(self, house):
        for number in range(5):
            house.guess(1, f"10{number}", source=f"2001:db8::{number + 1}", known=False)
        assert house.banned == ["2001:db8::/64"]
        assert not house.admits("2001:db8::abcd")


@pytest.mark.threat(7)
class TestForgedSources:
    """Threat 7: a ban is no weapon."""

    def test_what_is_not_proven_bans_nobody(self, house):
        house.guess(10_000, proven=False)
        for number in range(1000):
            house.guess(1, str(number), known=False, proven=False)
        assert house.banned == []
        assert house.guard.facts(NOW)["sources"] == []
        assert house.guard.count["unproven_failure"] == 11_000

    def test_nor_locks_it_anybody_out(self, house):
        house.guess(100, proven=False)
        assert not house.guard.is_locked(MALLORY, REALM, "bob", NOW)

    def test_nor_is_who_is_locked_out_already_banned_by_it(self, house):
        house.guess(5)
        assert house.guard.is_locked(MALLORY, REALM, "bob", NOW)
        house.guess(10_000, proven=False)
        assert house.banned == []
        assert (house.guard.count["locked_out"], house.guard.count["unproven_failure"]) == (10_000, 10_000)

    def test_a_scanner_by_udp_gets_no_answer_and_is_not_banned(self, house):
        assert all(house.guard.is_scanner("friendly-scanner", flow(MALLORY), 0.0) for _ in range(1000))
        assert house.banned == []
        assert house.guard.count["scanner"] == 1000

    def test_bytes_by_udp_neither(self, house):
        for _ in range(1000):
            house.guard.not_sip(flow(MALLORY), 0.0)
        assert house.banned == []


class TestConnections:
    """Who has opened a connection is where he says he is."""

    def test_a_scanner_is_banned(self, house):
        assert house.guard.is_scanner("friendly-scanner", flow(MALLORY, "tcp"), 0.0)
        assert house.banned == []
        assert house.guard.is_scanner("friendly-scanner", flow(MALLORY, "tcp"), 0.0)
        assert house.banned == [MALLORY]

    def test_phones_are_no_scanners(self, house):
        assert not house.guard.is_scanner("Desk phone 3", flow(MALLORY, "tcp"), 0.0)
        assert not house.guard.is_scanner(None, flow(MALLORY, "tcp"), 0.0)

    def test_nor_is_who_is_trusted(self):
        house = House(trusted=[ip_network("198.51.100.0/24")])
        assert not house.guard.is_scanner("friendly-scanner", flow(MALLORY, "tcp"), 0.0)

    def test_bytes_that_are_not_sip(self, house):
        for _ in range(20):
            assert house.banned == []
            house.guard.not_sip(flow(MALLORY, "tcp"), 0.0)
        assert house.banned == [MALLORY]
        house.guard.not_sip(flow(MALLORY, "tcp"), 0.0)
        assert len(house.bans) == 1

    def test_who_is_banned_already_is_not_banned_twice(self, house):
        for _ in range(100):
            house.guard.not_sip(flow(MALLORY, "tcp"), 0.0)
        assert len(house.bans) == 1


@pytest.mark.threat(8)
class TestFlood:
    """Threat 8."""

    def admitted(self, house, number, source=MALLORY, now=0.0):
        return sum(house.admits(source, now) for _ in range(number))

    def test_a_burst_and_then_the_rate(self):
        house = House(rate=10, burst=50)
        assert self.admitted(house, 1000) == 50
        assert self.admitted(house, 1000, now=1.0) == 10
        assert house.guard.count["flood"] == 1940
        assert self.admitted(house, 10, OFFICE) == 10
        assert house.banned == []

    @pytest.mark.threat(5)
    def test_who_asks_for_one_name_after_the_other_is_slowed_down(self):
        house = House(rate=100, burst=200)
        asked = 0
        for number in range(1000):
            if house.admits(now=number / 1000):
                asked += 1
                house.guard.probed(flow(MALLORY), number / 1000)
        assert asked < 20
        assert house.guard.count["probe"] == asked

    def test_people_see_it(self):
        house = House(rate=10, burst=50)
        self.admitted(house, 1000)
        self.admitted(house, 1000, now=0.5)
        assert house.guard.facts(NOW)["floods"] == [
            {"source": MALLORY, "first_at": NOW, "last_at": NOW + 0.5, "messages": 1945}
        ]

    def test_right_passwords_fill_it_again(self):
        house = House(rate=10, burst=50)
        self.admitted(house, 50)
        house.guess(1, right=True)
        assert self.admitted(house, 100) == 10

    def test_what_we_asked_for_costs_nothing(self):
        house = House(rate=10, burst=50)
        for _ in range(1000):
            assert house.admits()
            house.guard.wanted(flow(MALLORY))
        assert self.admitted(house, 100) == 50

    @pytest.mark.parametrize("source", ["127.0.0.9", "::1", "203.0.113.9"])
    def test_this_machine_and_trusted_networks_are_exempt(self, source):
        house = House(rate=10, burst=50, trusted=[ip_network("203.0.113.0/24")])
        assert self.admitted(house, 1000, source) == 1000

    def test_it_can_be_switched_off(self):
        assert self.admitted(House(rate=0), 10_000) == 10_000

    def test_memory_is_bounded(self, monkeypatch):
        monkeypatch.setattr("sip.defence.guard.MAX_FLOODS", 10)
        house = House(rate=1, burst=1)
        for number in range(100):
            self.admitted(house, 2, f"203.0.113.{number}")
        assert len(house.guard.facts(NOW)["floods"]) == 10


class TestPeople:
    """What the console decides."""

    def a_ban(self, source=MALLORY, expires_at=None):
        return Ban(source, NOW, expires_at, "by hand", made_by="ada")

    def test_a_ban_by_hand(self, house):
        assert house.guard.install([self.a_ban()], {}, NOW) == []
        assert not house.admits()
        assert house.guard.facts(NOW)["passed_over"] == {MALLORY: 1}

    def test_of_a_network(self, house):
        house.guard.install([self.a_ban("198.51.100.0/24")], {}, NOW)
        assert not house.admits("198.51.100.7")
        assert not house.admits("198.51.100.8")
        assert house.guard.is_banned(flow("198.51.100.8"))
        assert house.guard.facts(NOW)["passed_over"] == {"networks": 2}

    def test_undo_holds_nothing_against_him(self, house):
        house.guess(30)
        house.guess(3, "alice")
        assert [ban.source for ban in house.guard.install([], {}, NOW + 1)] == [MALLORY]
        assert house.admits()
        facts = house.guard.facts(NOW + 1)
        assert (facts["sources"], facts["locked"]) == ([], [])
        house.guess(30, at=NOW + 10)
        assert house.bans[1].expires_at == NOW + 10 + 3600

    def test_what_has_expired_meanwhile_was_not_lifted(self, house):
        house.guess(30)
        assert house.guard.install([], {}, NOW + 3600) == []
        house.guess(30, at=NOW + 4000)
        assert house.bans[1].expires_at == NOW + 4000 + 7200

    def test_forgiving_before_it_comes_to_a_ban(self, house):
        house.guess(6)
        assert house.guard.facts(NOW)["locked"] == [
            {"source": MALLORY, "realm": REALM, "user": "bob", "until": NOW + 60}
        ]
        house.guard.forgive(MALLORY)
        assert not house.guard.is_locked(MALLORY, REALM, "bob", NOW)
        assert house.guard.facts(NOW)["sources"] == []

    def test_what_people_see(self, house):
        house.guess(2)
        house.guess(1, "\x1b[31mred\r\n", known=False)
        house.guess(1, "carol", right=True)
        [facts] = house.guard.facts(NOW)["sources"]
        assert facts.pop("evidence")[-1]["detail"] == "?[31mred??@example.org"
        assert facts == {
            "source": MALLORY, "score": 8.0, "limit": 30.0, "failures": 3, "first_at": NOW, "last_at": NOW,
            "names": ["bob", "?[31mred??"], "good_users": 1, "exempt": "",
        }  # fmt: skip

    def test_memory_of_recurrences_is_bounded(self, house, monkeypatch):
        monkeypatch.setattr("sip.defence.guard.MAX_RECURRENCES", 10)
        house.guard.recall((f"203.0.113.{number}", NOW) for number in range(100))
        assert len(house.guard._earlier) == 10
