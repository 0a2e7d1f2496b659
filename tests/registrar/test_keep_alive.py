"""Probes, closed connections and calls: which phones answer."""

import itertools

import pytest

from registrar.keep_alive import CLOSED, EMPTY_LINES, LOST, KeepAlive, Probe
from registrar.reachability import Reachability
from tests.registrar.test_handler import AOR, Registrar
from tests.sip.imaginary import BOB, CAROL, SERVER, response_text

pytestmark = pytest.mark.rfc("3261", "11")

DESK, MOBILE = "sip:bob@192.0.2.20:5060", "sip:bob@192.0.2.30:5060"
FLOW = '+sip.instance="<urn:uuid:1>";reg-id=1'


class House(Registrar):
    """A registrar whose phones are watched. ``tick`` lets seconds pass."""

    def __init__(self, **settings):
        super().__init__(auth_register=False, **settings)
        self.reach = self.handler._reach = Reachability()
        tokens = itertools.count(1)
        self.watch = KeepAlive(
            self.endpoint,
            self.directory,
            self.location,
            self.reach,
            lambda kind, key, build: self.events.append((kind, key, build())),
            self.clock,
            self.handler.remove_dead,
            lambda: f"token-{next(tokens)}",
        )
        self.handler.observers.append(self.watch.binding_changed)

    def tick(self, seconds):
        for _ in range(seconds):
            self.endpoint.advance(1)
            self.watch.tick(self.endpoint.now())

    def register(self, *contacts, protocol="udp", source=BOB, **options):
        self.endpoint.take()
        fields = [f"Contact: {contact}" for contact in contacts]
        assert self.send_by(protocol, *fields, source=source, **options).status == 200
        self.events.clear()
        self.endpoint.take()
        return self.location.lookup(AOR, self.endpoint.now())

    def send_by(self, protocol, *fields, source=BOB, call_id="desk", supported=""):
        self.branches += 1
        lines = [f"Via: SIP/2.0/{protocol.upper()} {source[0]}:{source[1]};branch=z9hG4bK-r{self.branches}"]
        text = "\n".join(
            [
                "REGISTER sip:example.org SIP/2.0",
                *lines,
                "From: <sip:bob@example.org>;tag=1",
                "To: <sip:bob@example.org>",
                f"Call-ID: {call_id}",
                f"CSeq: {self.branches} REGISTER",
                *([f"Supported: {supported}"] if supported else []),
                *fields,
                "Content-Length: 0",
            ]
        )
        self.endpoint.deliver(text + "\n\n", source, protocol)
        return self.answer()

    def probes(self):
        """Those sent since, retransmissions left out."""
        found = {sent.data: sent for sent in self.endpoint.take() if sent.data.startswith(b"OPTIONS")}
        return list(found.values())

    def told(self):
        return [facts["type"] for kind, _, facts in self.events if kind == "event"]


@pytest.fixture
def house():
    return House(keep_alive="options", keep_alive_interval=10)


def only(binding_list):
    [binding] = binding_list
    return binding


class TestOptions:
    def test_it_works(self, house):
        binding = only(house.register(f"<{DESK}>"))
        house.tick(10)
        [probe] = house.probes()
        request = probe.message
        assert probe.remote == BOB and request.uri_text == DESK
        assert (request.first("from"), request.first("to")) == ("<sip:example.org>;tag=token-1", f"<{DESK}>")
        house.endpoint.advance(0.25)
        house.endpoint.deliver(response_text(request, 200), BOB)
        reach = house.reach.of(binding.id)
        assert reach.is_reachable and reach.status == 200 and reach.round_trip > 0.2
        assert house.watch.in_flight == 0 and house.told() == []

    def test_it_goes_on(self, house):
        house.register(f"<{DESK}>")
        for _ in range(3):
            house.tick(10)
            [probe] = house.probes()
            house.endpoint.deliver(response_text(probe.message, 405), BOB)  # any answer is one
        assert house.watch.sent == 3

    def test_provisional_responses_are_no_answer_yet(self, house):
        binding = only(house.register(f"<{DESK}>"))
        house.tick(10)
        [probe] = house.probes()
        house.endpoint.deliver(response_text(probe.message, 100), BOB)
        assert house.reach.of(binding.id) is None

    def test_silence(self, house):
        binding = only(house.register(f"<{DESK}>"))
        house.tick(10)
        house.endpoint.take()
        house.endpoint.advance(33)
        assert house.reach.of(binding.id).reason == "It did not answer a probe"
        assert house.told() == ["registration.unreachable"]
        assert house.watch.facts([binding.id, 5])[str(binding.id)]["reachable"] is False
        assert list(house.watch.facts([5])) == []

    def test_what_ends_twice_counts_once(self, house):
        binding = only(house.register(f"<{DESK}>"))
        ended = []
        probe = Probe(binding, 0.0, lambda *facts: ended.append(facts))
        probe.end(200, "")
        probe.end(None, "late")
        assert len(ended) == 1

    def test_it_comes_back(self, house):
        binding = only(house.register(f"<{DESK}>"))
        house.reach.failed(binding.id, 0.0, "x")
        house.tick(10)
        [probe] = house.probes()
        house.endpoint.deliver(response_text(probe.message, 200), BOB)
        assert house.told() == ["registration.reachable"]

    def test_a_registration_is_a_sign_of_life(self, house):
        binding = only(house.register(f"<{DESK}>"))
        house.reach.failed(binding.id, 0.0, "x")
        house.send_by("udp", f"Contact: <{DESK}>")
        assert not house.reach.is_unreachable(binding.id)
        assert house.told() == ["registration.reachable"]

    def test_by_the_path(self, house):
        house.register(f"<{DESK}>", supported="path\nPath: <sip:192.0.2.30:5060;lr>")
        house.tick(10)
        [probe] = house.probes()
        assert probe.remote == CAROL and probe.message.values("route") == ["<sip:192.0.2.30:5060;lr>"]

    @pytest.mark.rfc("5626", "5.3")
    def test_by_the_flow_and_by_nothing_else(self, house):
        source = ("192.0.2.20", 40000)
        binding = only(house.register(f"<{DESK}>;{FLOW}", protocol="tcp", source=source, supported="outbound"))
        house.tick(10)
        [probe] = house.probes()
        assert probe.connection is binding.flow.channel
        house.endpoint.deliver(response_text(probe.message, 200), source, "tcp")
        binding.flow.channel.is_open = False
        house.tick(10)
        assert house.probes() == [] and house.reach.of(binding.id).reason == "There is no way to it"

    def test_430_of_an_edge_proxy(self, house):
        binding = only(house.register(f"<{DESK}>", supported="path\nPath: <sip:192.0.2.30:5060;lr;ob>"))
        house.tick(10)
        [probe] = house.probes()
        house.endpoint.deliver(response_text(probe.message, 430), CAROL)
        assert "edge proxy" in house.reach.of(binding.id).reason

    @pytest.mark.parametrize("contact", ["<tel:+123>", "<sip:bob@192.0.2.20;transport=sctp>"])
    def test_where_there_is_no_way(self, house, contact):
        binding = only(house.register(contact))
        house.tick(10)
        assert house.probes() == [] and house.reach.is_unreachable(binding.id) and house.watch.in_flight == 0

    def test_where_we_do_not_listen(self, house, monkeypatch):
        def fail(*arguments):
            raise LookupError

        binding = only(house.register(f"<{DESK}>"))
        monkeypatch.setattr(house.endpoint, "send_request", fail)
        house.tick(10)
        assert "does not listen" in house.reach.of(binding.id).reason

    def test_a_binding_that_makes_no_sense(self, house):
        binding = only(house.register(f"<{DESK}>"))
        binding.path = ("<",)
        house.tick(10)
        assert house.reach.is_unreachable(binding.id)

    def test_one_that_is_gone_before_the_answer(self, house):
        house.register(f"<{DESK}>")
        house.tick(10)
        [probe] = house.probes()
        house.register(f"<{DESK}>;expires=0")
        house.endpoint.deliver(response_text(probe.message, 200), BOB)
        assert len(house.reach) == 0 and house.watch.in_flight == 0
        house.tick(10)
        assert house.probes() == []


@pytest.mark.rfc("5626", "4.4.1")
class TestEmptyLines:
    def test_on_the_flow_of_the_registration(self):
        house = House(keep_alive="keep-open", keep_alive_interval=10)
        source = ("192.0.2.20", 61000)  # a NAT's
        binding = only(house.register("<sip:bob@10.0.0.9>", source=source))
        house.tick(10)
        [sent] = house.endpoint.take()
        assert (sent.data, sent.remote, sent.source) == (EMPTY_LINES, source, SERVER)
        assert house.reach.of(binding.id) is None

    def test_one_that_cannot_be_sent_to(self):
        house = House(keep_alive="keep-open", keep_alive_interval=10)
        binding = only(house.register(f"<{DESK}>"))
        binding.flow.channel.is_broken = True
        house.tick(10)
        assert house.reach.of(binding.id).reason == "Nothing can be sent to it"

    def test_nothing_on_a_flow_that_is_gone(self):
        house = House(keep_alive="keep-open", keep_alive_interval=10)
        binding = only(house.register(f"<{DESK}>"))
        binding.flow = None
        house.tick(10)
        assert house.endpoint.take() == []


class TestSwitch:
    def test_off_is_silent(self):
        house = House(keep_alive_interval=10)
        house.register(f"<{DESK}>")
        house.tick(30)
        assert house.endpoint.take() == []

    def test_switching_it_on_and_off_counts_at_once(self, house):
        domain = house.directory.domain("example.org")
        domain.keep_alive = "off"
        house.register(f"<{DESK}>")
        domain.keep_alive = "options"
        house.watch.load()
        house.tick(10)
        assert house.watch.sent == 1
        domain.keep_alive = "off"
        house.tick(40)
        assert house.watch.sent == 1

    def test_a_user_who_is_gone(self, house):
        house.register(f"<{DESK}>")
        house.directory._remove_user(1)
        house.tick(20)
        assert house.probes() == []


@pytest.mark.rule("R32")
class TestConnections:
    def test_one_that_closes(self):
        house = House()
        binding = only(house.register(f"<{DESK}>", protocol="tcp"))
        binding.flow.channel.close()
        assert house.reach.of(binding.id).reason == CLOSED
        assert house.told() == ["registration.unreachable"]

    def test_the_phone_came_by_another_meanwhile(self):
        house = House()
        old = only(house.register(f"<{DESK}>;{FLOW}", protocol="tcp", source=("192.0.2.20", 40000))).flow
        binding = only(house.register(f"<{DESK}>;{FLOW}", protocol="tcp", source=("192.0.2.20", 40001)))
        old.channel.close()
        assert not house.reach.is_unreachable(binding.id)

    def test_one_that_closes_before_the_commit(self):
        house = House()
        house.journal.is_instant = False
        house.send_by("tcp", f"Contact: <{DESK}>")
        house.endpoint.flow(BOB, "tcp").channel.close()
        house.journal.finish()
        binding = only(house.location.lookup(AOR, house.endpoint.now()))
        assert house.reach.of(binding.id).reason == CLOSED

    def test_those_of_an_earlier_process(self):
        house = House()
        binding = only(house.register(f"<{DESK}>", protocol="tcp"))
        binding.flow = None
        house.watch.load()
        house.watch.load()
        assert house.reach.of(binding.id).reason == LOST and house.reach.of(binding.id).failures == 1

    def test_one_closed_connection_is_one_failure(self):
        house = House(remove_after=3)
        binding = only(house.register(f"<{DESK}>", protocol="tcp"))
        binding.flow.channel.close()
        for _ in range(5):
            house.watch.load()  # an administrator saves a domain
        assert house.reach.of(binding.id).failures == 1 and house.contacts() == [DESK]

    def test_what_a_call_has_shown_outlives_a_look(self):
        house = House()
        binding = only(house.register(f"<{DESK}>", protocol="tcp"))
        binding.flow.channel.close()
        house.watch.called(binding, 200, True)
        house.watch.load()
        assert not house.reach.is_unreachable(binding.id)

    @pytest.mark.rfc("3327", "5.4")
    def test_behind_an_edge_proxy_the_path_is_the_way(self):
        house = House(remove_after=1)
        path = "path\nPath: <sip:192.0.2.30:5060;lr>"
        binding = only(house.register(f"<{DESK}>", protocol="tcp", supported=path))
        binding.flow.channel.close()
        binding.flow = None
        house.watch.load()  # as after a restart
        assert house.reach.of(binding.id) is None and house.contacts() == [DESK]

    def test_a_connection_does_not_remember_contacts_that_are_gone(self):
        house = House()
        [flow] = {one.flow for one in house.register(f"<{DESK}>", f"<{MOBILE}>", protocol="tcp")}
        house.register(f"<{DESK}>;expires=0", protocol="tcp")
        assert list(house.watch._by_flow[flow].values()) == [AOR]
        house.register(f"<{MOBILE}>;expires=0", protocol="tcp")
        assert not house.watch._by_flow[flow]


class TestCalls:
    def test_what_they_show(self):
        house = House()
        binding = only(house.register(f"<{DESK}>"))
        house.watch.called(binding, 180, True)
        assert house.reach.of(binding.id) is None  # nothing new: it was not thought to be away
        house.watch.called(binding, 408, False)
        assert house.reach.of(binding.id).reason == "It did not answer a call"
        house.watch.called(binding, 180, True)
        assert not house.reach.is_unreachable(binding.id)
        house.watch.called(binding, 430, True)
        assert house.reach.of(binding.id).reason == "A call found no way to it"
        assert house.told() == ["registration.unreachable", "registration.reachable", "registration.unreachable"]

    def test_contacts_that_are_not_registered(self):
        house = House()
        binding = only(house.register(f"<{DESK}>"))
        house.register(f"<{DESK}>;expires=0")
        house.watch.called(binding, 408, False)
        assert len(house.reach) == 0


class TestRemoval:
    def test_after_so_many_failures(self):
        house = House(remove_after=2)
        binding = only(house.register(f"<{DESK}>"))
        house.watch.called(binding, 408, False)
        assert house.contacts() == [DESK]
        house.watch.called(binding, 408, False)
        assert house.contacts() == [] and len(house.reach) == 0
        reasons = [facts["reason"] for kind, _, facts in house.events if kind == "binding"]
        assert reasons == ["It was not reached 2 times in a row: It did not answer a call"]

    def test_zero_keeps_it(self):
        house = House()
        binding = only(house.register(f"<{DESK}>"))
        for _ in range(9):
            house.watch.called(binding, 408, False)
        assert house.contacts() == [DESK]


class TestContactLimit:
    """One phone too many takes the place of one that does not answer."""

    def test_the_dead_go_first(self):
        house = House(max_contacts=2, contact_limit="replace-unreachable")
        house.register("<sip:bob@192.0.2.41>", call_id="old")
        house.endpoint.advance(5)
        new = house.register("<sip:bob@192.0.2.42>", call_id="new")[0]
        assert new.contact == "sip:bob@192.0.2.42"
        house.watch.called(new, 408, False)
        house.register("<sip:bob@192.0.2.43>", call_id="third")
        assert sorted(house.contacts()) == ["sip:bob@192.0.2.41", "sip:bob@192.0.2.43"]

    def test_then_the_one_heard_of_longest_ago(self):
        house = House(max_contacts=2, contact_limit="replace-unreachable")
        for last in (41, 42, 43):
            house.endpoint.advance(5)
            house.send_by("udp", f"Contact: <sip:bob@192.0.2.{last}>", call_id=str(last))
        assert sorted(house.contacts()) == ["sip:bob@192.0.2.42", "sip:bob@192.0.2.43"]
        reasons = [facts["reason"] for kind, _, facts in house.events if facts.get("type") == "registration.replaced"]
        assert reasons and "was heard of longest ago" in reasons[0]

    def test_only_the_unreachable_are_unreachable_for_the_oldest_first(self):
        house = House(max_contacts=2, contact_limit="replace-oldest")
        house.register("<sip:bob@192.0.2.41>", call_id="old")
        house.endpoint.advance(5)
        new = house.register("<sip:bob@192.0.2.42>", call_id="new")[0]
        house.watch.called(new, 408, False)
        house.register("<sip:bob@192.0.2.43>", call_id="third")
        assert sorted(house.contacts()) == ["sip:bob@192.0.2.42", "sip:bob@192.0.2.43"]
