import pytest

from proxy.core.facts import Refuse
from proxy.core.redirect import Redirect
from sip.transport.flow import Flow
from tests.proxy.core.people import ORG, House, a_binding

pytestmark = pytest.mark.rfc("3261", "16.5")

DESK, SOFT, MOBILE = "sip:bob@192.0.2.20", "sip:bob@192.0.2.21", "sip:bob@192.0.2.22"


@pytest.fixture
def house():
    return House()


@pytest.fixture
def three():
    return [a_binding(DESK, 1.0), a_binding(SOFT, 1.0), a_binding(MOBILE, 0.3)]


class TestGroups:
    """16.6: the order of targets by policy."""

    def test_proxy_tries_by_q_and_equal_q_together(self, house, three):
        house.add("bob", "proxy", *three)
        assert house.groups() == [[DESK, SOFT], [MOBILE]]

    def test_proxy_parallel_tries_all_at_once(self, house, three):
        house.add("bob", "proxy-parallel", *three)
        assert house.groups() == [[DESK, SOFT, MOBILE]]

    def test_proxy_sequential_tries_one_after_another(self, house, three):
        house.add("bob", "proxy-sequential", *three)
        assert house.groups() == [[DESK], [SOFT], [MOBILE]]


@pytest.mark.rule("P07")
class TestNobodyThere:
    """16.5, at its end."""

    def test_an_unknown_user_is_404(self, house):
        decision = house.decide("sip:nobody@example.org")
        assert (decision.status, decision.sentence) == (404, "nobody is not a user of example.org: 404")

    @pytest.mark.parametrize("policy", ["proxy", "proxy-parallel", "proxy-sequential"])
    def test_a_known_one_without_contacts_is_480(self, house, policy):
        house.add("bob", policy)
        decision = house.decide()
        assert (decision.status, decision.sentence) == (480, "bob has no registered phone: 480")

    @pytest.mark.rule("R38")
    def test_one_switched_off_is_480(self, house):
        house.add("bob", "proxy", a_binding(DESK), enabled=False)
        assert house.decide().status == 480


@pytest.mark.rule("P06")
class TestUnique:
    def test_a_target_is_tried_once(self, house):
        house.add("bob", "proxy", a_binding(DESK), a_binding("sip:bob@192.0.2.20;line=1"))
        assert house.groups() == [[DESK]]
        assert any("already" in step.text for step in house.steps)


@pytest.mark.rule("R26")
def test_tel_and_mailto_cannot_be_proxied(house):
    house.add("bob", "proxy", a_binding("tel:+15551234"), a_binding("mailto:bob@example.org"), a_binding(DESK))
    assert house.groups() == [[DESK]]
    house.add("carol", "proxy", a_binding("tel:+15551234"))
    assert house.decide("sip:carol@example.org").status == 480


@pytest.mark.rule("R27")
@pytest.mark.threat(30)
def test_a_sips_call_goes_to_secure_contacts_only(house):
    house.add("bob", "proxy", a_binding(DESK), a_binding("sips:bob@192.0.2.21"))
    assert house.groups("sips:bob@example.org") == [["sips:bob@192.0.2.21"]]
    house.add("bob", "proxy", a_binding(DESK))
    assert house.decide("sips:bob@example.org").status == 480
    house.add("bob", "forward:sip:desk@other.example")
    assert house.decide("sips:bob@example.org").status == 480


class TestForward:
    """forward:URI."""

    def test_to_elsewhere(self, house):
        house.add("bob", "forward:sip:desk@other.example")
        assert house.groups() == [["sip:desk@other.example"]]

    def test_to_another_user_means_what_his_policy_says(self, house):
        house.add("bob", "forward:sip:carol@example.org")
        house.add("carol", "proxy-sequential", a_binding(DESK), a_binding(SOFT))
        assert house.groups() == [[DESK], [SOFT]]
        house.add("carol", "refuse:603")
        assert house.decide().status == 603
        house.add("carol", "redirect", a_binding(DESK))
        assert isinstance(house.decide(), Redirect)

    def test_to_an_unknown_user_is_404(self, house):
        house.add("bob", "forward:sip:nobody@example.org")
        assert house.decide().status == 404

    def test_to_the_server_itself_is_404(self, house):
        house.add("bob", "forward:sip:example.org")
        assert house.decide().status == 404

    def test_round_in_circles_is_482(self, house):
        house.add("bob", "forward:sip:carol@example.org")
        house.add("carol", "forward:sip:bob@example.org")
        assert house.decide().status == 482

    def test_too_far_is_482(self, house):
        for number in range(9):
            house.add(f"u{number}", f"forward:sip:u{number + 1}@example.org")
        assert house.decide("sip:u0@example.org").status == 482


def test_refuse_answers_what_it_says(house):
    house.add("bob", "refuse:486", a_binding(DESK))
    decision = house.decide()
    assert isinstance(decision, Refuse)
    assert (decision.status, decision.reason) == (486, "Busy Here")


@pytest.mark.rule("P24")
class TestOwnContacts:
    """A contact that leads back to this server."""

    def test_it_is_taken_as_whom_it_names(self, house):
        house.add("bob", "proxy", a_binding(MOBILE, 1.0), a_binding("sip:carol@example.org", 0.5))
        house.add("carol", "proxy-parallel", a_binding(DESK), a_binding(SOFT))
        assert house.groups() == [[MOBILE], [DESK, SOFT]]

    def test_a_circle_leaves_the_other_phones(self, house):
        house.add("bob", "proxy", a_binding(DESK), a_binding("sip:bob@example.org"))
        assert house.groups() == [[DESK]]

    def test_nothing_but_a_circle_is_480(self, house):
        house.add("bob", "proxy", a_binding("sip:carol@example.org"))
        house.add("carol", "proxy", a_binding("sip:bob@example.org"))
        assert house.decide().status == 480

    def test_the_server_itself_is_left_out(self, house):
        house.add("bob", "proxy", a_binding("sip:example.org"))
        assert house.decide().status == 480


class TestWay:
    """How a binding is reached."""

    class Channel:
        is_open = True

    def flow(self, protocol="tcp"):
        return Flow(protocol, ("192.0.2.1", 5060), ("192.0.2.20", 40000), self.Channel())

    def target(self, house, **facts):
        house.add("bob", "proxy", a_binding(DESK, **facts))
        return house.decide().groups[0][0]

    def test_an_open_connection_is_used(self, house):
        flow = self.flow()
        assert self.target(house, flow=flow).flow is flow

    def test_a_closed_one_is_not(self, house):
        flow = self.flow()
        flow.channel.is_open = False
        assert self.target(house, flow=flow).flow is None

    def test_over_udp_the_contact_is_the_way(self, house):
        assert self.target(house, flow=self.flow("udp")).flow is None

    @pytest.mark.rfc("3327", "5.4")
    def test_a_path_is_the_way(self, house):
        target = self.target(house, flow=self.flow(), path=("<sip:edge.example.org;lr>",))
        assert (target.flow, target.routes) == (None, ("<sip:edge.example.org;lr>",))


def test_the_steps_say_which_policy_and_where_from(house, three):
    house.add("bob", "proxy", *three)
    house.decide()
    assert [step.text for step in house.steps] == [
        "Policy of bob: proxy (user bob@example.org)",
        "3 targets in 2 groups (proxy)",
    ]


class TestRinging:
    """16.6: how the groups follow each other is the domain's choice."""

    @pytest.mark.parametrize(("keep", "wait"), [(False, True), (True, False)])
    def test_the_domain_says_how(self, house, three, monkeypatch, keep, wait):
        house.add("bob", "proxy-sequential", *three)
        monkeypatch.setattr(ORG, "keep_ringing", keep)
        monkeypatch.setattr(ORG, "wait_for_group", wait)
        decision = house.decide()
        assert (decision.keeps_ringing, decision.waits, decision.action) == (keep, wait, "proxy-sequential")

    @pytest.mark.rule("P06")
    def test_late_phones_are_a_matter_of_the_domain(self, house, three, monkeypatch):
        house.add("bob", "proxy", *three)
        assert list(house.decide().late) == ["sip:bob@example.org"]
        monkeypatch.setattr(ORG, "late_joiners", False)
        assert house.decide().late == {}
