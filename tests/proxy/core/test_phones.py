"""Several flows of one phone are one phone."""

import pytest

from proxy.core.facts import Target
from proxy.core.phones import by_phone, in_turn, is_dead
from sip.message.uri import Uri
from sip.transport.flow import Flow
from tests.proxy.core.people import House, a_binding

pytestmark = [pytest.mark.rfc("5626", "7"), pytest.mark.rule("R32")]

PHONE, OTHER = "<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>", "<urn:uuid:2>"
URI = "sip:bob@10.0.0.9;ob"


class Connection:
    def __init__(self, is_open=True):
        self.is_open = is_open


def flow(is_open=True, port=40000):
    return Flow("tcp", ("192.0.2.1", 5060), ("192.0.2.20", port), Connection(is_open))


def on_flow(reg_id, q=1.0, instance=PHONE, contact=URI, **facts):
    facts = {"flow": flow(), "is_outbound": True, **facts}
    return a_binding(contact, q, instance_id=instance, reg_id=reg_id, **facts)


def chain(target):
    found = []
    while target is not None:
        found.append(target)
        target = target.other_flow
    return found


class TestByPhone:
    def test_it_works(self):
        one, two, other = on_flow(1), on_flow(2, instance=PHONE.lower()), on_flow(1, instance=OTHER)
        plain, twin = a_binding(URI, instance_id=PHONE), a_binding(URI, instance_id=PHONE)
        assert by_phone([one, other, two, plain, twin]) == [[one, two], [other], [plain], [twin]]


class TestInTurn:
    def test_dead_flows_come_last(self):
        flows = [on_flow(1, flow=flow(is_open=False)).flow, on_flow(2).flow]
        targets = [Target(Uri.parse(URI), flow=one, is_flow_only=True) for one in flows]
        assert chain(in_turn(targets)) == [targets[1], targets[0]]

    def test_what_is_dead(self):
        uri = Uri.parse(URI)
        assert is_dead(Target(uri, is_flow_only=True))
        assert is_dead(Target(uri, flow=flow(is_open=False), is_flow_only=True))
        assert not is_dead(Target(uri, flow=flow(), is_flow_only=True))
        assert not is_dead(Target(uri, routes=("<sip:edge.example.org;lr;ob>",), is_flow_only=True))
        assert not is_dead(Target(uri, flow=flow(is_open=False)))


class TestTargets:
    """One target for each phone, in the forks of every policy."""

    @pytest.mark.parametrize("policy", ["proxy", "proxy-parallel", "proxy-sequential"])
    def test_flows_are_no_targets_of_their_own(self, policy):
        house = House()
        house.add("bob", policy, on_flow(1), on_flow(2), on_flow(1, instance=OTHER, contact="sip:bob@10.0.0.8;ob"))
        groups = house.decide().groups
        targets = [target for group in groups for target in group]
        assert [len(chain(target)) for target in targets] == [2, 1]
        assert any(step.rule == "R32" for step in house.steps)

    def test_the_flow_with_the_higher_q_first(self):
        house = House()
        house.add("bob", "proxy", on_flow(2, 1.0, user_agent="second"), on_flow(1, 0.5, user_agent="first"))
        [[target]] = house.decide().groups
        assert [one.user_agent for one in chain(target)] == ["second", "first"]

    def test_through_a_contact_at_this_server(self):
        house = House()
        house.add("bob", "proxy", a_binding("sip:desk@example.org", 0.3))
        house.add("desk", "proxy", on_flow(1), on_flow(2))
        [[target]] = house.decide().groups
        assert target.q == 0.3 and target.is_flow_only and len(chain(target)) == 2

    def test_a_path_is_the_way_whatever_became_of_our_flow(self):
        house = House()
        house.add("bob", "proxy", on_flow(1, flow=None, path=("<sip:edge.example.org;lr;ob>",)))
        [[target]] = house.decide().groups
        assert target.routes and not is_dead(target)
