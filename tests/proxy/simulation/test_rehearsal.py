"""What would happen: the proxy's own decisions, and nothing that leaves the server."""

import pytest

from proxy.core.rules import RuleBook
from proxy.offline.core import Kept
from proxy.policy import PolicySnapshot
from proxy.simulation.question import Question, Unanswerable
from proxy.simulation.rehearsal import Server, rehearse
from proxy.trunks import Trunks
from tests.proxy.scene import BOB, Scene
from tests.sip.imaginary import ListenAddress

ALICE = "sip:alice@example.org"
STRANGER = "sip:zoe@other.example"


@pytest.fixture
def scene():
    scene = Scene(auth_call=True)
    scene.register("bob", "sip:bob@192.0.2.20:5060", user_agent="Desk/1")
    return scene


def ask(
    scene, callee="sip:bob@example.org", caller=ALICE, method="INVITE", host="192.0.2.10", protocol="udp", after=0.0
):
    server = Server(
        scene.endpoint, scene.location, lambda at: at + 1e9, b"route secret", Trunks(), ("path",), None,
        lambda user_id, sender: Kept(0, 0),
    )  # fmt: skip
    policies = PolicySnapshot(scene.server_policy, {}, scene.user_policies, RuleBook(scene.rules))
    question = Question(caller, callee, method, host, 5060, protocol)
    return rehearse(server, scene.directory, policies, question, scene.endpoint.now() + after)


class TestDecisions:
    def test_it_rings(self, scene):
        facts = ask(scene)
        assert facts["decision"] == "proxy"
        assert facts["sentence"] == "1 target of bob would be tried"
        assert (facts["policy"], facts["policy_origin"], facts["ring_time"]) == ("proxy", "server default", 30.0)
        assert facts["answer"] is None
        assert facts["targets"] == [
            {
                "group": 1, "uri": "sip:bob@192.0.2.20:5060", "q": 1.0, "user_agent": "Desk/1",
                "next_hop": "udp:192.0.2.20:5060", "reason": "registered; reached at its contact address",
            }
        ]  # fmt: skip
        assert any(step["text"].startswith("The caller is alice: the password was right") for step in facts["steps"])
        assert any("Policy of bob: proxy (server default)" in step["text"] for step in facts["steps"])

    def test_the_same_as_the_engine_decides(self, scene):
        """Whatever the policy: rehearsed first, then done."""
        scene.register("bob", "sip:bob@192.0.2.30:5060", q=0.5)
        scene.org.auth_call = False
        for policy in (
            "proxy",
            "proxy-parallel",
            "proxy-sequential",
            "redirect",
            "refuse:486",
            "forward:sip:carol@example.org",
        ):
            scene.set_policy("bob", policy)
            facts = ask(scene)
            call = scene.call("bob")
            sent = [one.message.uri_text for one in call.forwarded()]
            assert [target["uri"] for target in facts["targets"] if target["group"] == 1] == sent, policy
            status = call.statuses[-1]
            assert (facts["answer"] or {"status": 100})["status"] == status, policy
            assert facts["policy"] == scene.record.policy
            assert facts["steps"] == [step._asdict() for step in scene.record.steps], policy
            if not sent:
                assert facts["sentence"] == scene.record.explanation

    def test_later_groups(self, scene):
        scene.register("bob", "sip:bob@192.0.2.30:5060", q=0.5)
        facts = ask(scene)
        assert [target["group"] for target in facts["targets"]] == [1, 2]
        assert facts["sentence"] == "1 target of bob would be tried, 1 more after that"

    def test_redirect(self, scene):
        scene.set_policy("bob", "redirect")
        facts = ask(scene)
        assert facts["decision"] == "redirect"
        assert facts["answer"]["status"] == 302
        assert facts["answer"]["contacts"][0].startswith("<sip:bob@192.0.2.20:5060>")
        assert facts["targets"] == []

    def test_rule(self, scene):
        scene.add_rule("proxy", "sip:gw@203.0.113.5", user="00*")
        facts = ask(scene, "sip:0049@example.org")
        assert facts["policy_origin"] == "rule 20 'night'"
        assert facts["targets"][0]["reason"] == "target of rule 20 'night'"
        assert ask(scene, "sip:0049@example.org", STRANGER)["answer"]["status"] == 403

    @pytest.mark.parametrize(
        ("callee", "caller", "status", "decision"),
        [
            ("sip:nobody@example.org", ALICE, 404, "refuse"),
            ("sip:carol@example.org", ALICE, 480, "refuse"),
            ("sip:bob@example.org", "sip:mallory@example.org", 407, "refuse"),
            ("sip:x@elsewhere.example", STRANGER, 403, "refuse"),
            ("sip:bob;transport=nonsense@example.org", ALICE, 404, "refuse"),
        ],
    )
    def test_refusals(self, scene, callee, caller, status, decision):
        facts = ask(scene, callee, caller)
        assert (facts["answer"]["status"], facts["decision"]) == (status, decision)
        assert facts["sentence"] == facts["steps"][-1]["text"]

    def test_the_server_itself(self, scene):
        facts = ask(scene, "sip:example.org", method="OPTIONS")
        assert (facts["decision"], facts["answer"]["status"]) == ("answer", 200)

    def test_elsewhere(self, scene):
        facts = ask(scene, "sip:x@gateway.example")
        assert (facts["decision"], facts["answer"]) == ("forward", None)
        assert facts["targets"][0]["next_hop"] == ""
        assert facts["names_to_look_up"] == ["gateway.example"]

    def test_a_stored_message(self, scene):
        scene.org.store_messages = "from-users"
        facts = ask(scene, "sip:carol@example.org", method="MESSAGE")
        assert (facts["decision"], facts["answer"]["status"]) == ("store", 202)
        assert facts["sentence"] == "The caller would get 202 Accepted"
        assert facts["steps"][-1]["rule"] == "P32"
        assert facts["policy"] == "proxy"
        scene.org.store_messages = "no"
        assert ask(scene, "sip:carol@example.org", method="MESSAGE")["answer"]["status"] == 480
        assert ask(scene, method="MESSAGE")["decision"] == "proxy"

    def test_at_another_time(self, scene):
        assert ask(scene, after=3601)["answer"]["status"] == 480

    def test_what_the_user_arranged(self, scene):
        scene.user("bob").forward_always = "sip:carol@example.org"
        scene.register("carol", "sip:carol@192.0.2.30")
        assert ask(scene)["targets"][0]["uri"] == "sip:carol@192.0.2.30"

    def test_what_breaks_is_said(self, scene, monkeypatch):
        monkeypatch.setattr("proxy.core.targets.TargetFinder.decide", lambda *facts: 1 / 0)
        assert ask(scene)["sentence"] == "The caller would get 500 Server Internal Error"


class Landmine:
    """A channel that must not be used."""

    is_open = True
    remote = BOB

    def send(self, *facts):
        raise AssertionError("a datagram was sent")

    def write(self, *facts):
        raise AssertionError("bytes were sent")


class TestNothingIsSent:
    @pytest.mark.parametrize("protocol", ["udp", "tcp"])
    def test_on_the_flows_of_phones(self, scene, protocol):
        flow = scene.endpoint.flow(("192.0.2.20", 40000), protocol)
        flow.channel = Landmine()
        scene.register("bob", "sip:bob@192.0.2.20:40000", q=0.9, flow=flow, is_outbound=True)
        before = list(scene.endpoint.sent)
        facts = ask(scene)
        hops = {target["next_hop"] for target in facts["targets"]}
        assert f"{protocol}:192.0.2.20:40000" in hops
        assert "registered; reached on the flow it keeps open" in {target["reason"] for target in facts["targets"]}
        assert scene.endpoint.sent == before

    def test_nothing_at_all(self, scene, monkeypatch):
        """The real network is mined: any use of it fails the test."""
        scene.register("carol", "sip:carol@phones.example", path=("<sip:edge.example;lr>",))
        for name in ("stream_to", "look_up", "wake_at", "carry", "soon"):
            monkeypatch.setattr(scene.endpoint.network, name, lambda *facts, name=name: pytest.fail(f"{name} was used"))
        before = (scene.endpoint.transactions, len(scene.handler.running), len(scene.log.records), scene.log.changes)
        for method in ("INVITE", "MESSAGE", "OPTIONS", "SUBSCRIBE"):
            for callee in ("bob", "carol", "dave", "nobody"):
                for host in ("192.0.2.10", "198.51.100.66"):
                    ask(scene, f"sip:{callee}@example.org", method=method, host=host)
        after = (scene.endpoint.transactions, len(scene.handler.running), len(scene.log.records), scene.log.changes)
        assert before == after

    def test_a_phone_with_a_path(self, scene):
        scene.register("carol", "sip:carol@192.0.2.30", path=("<sip:192.0.2.99;lr>",))
        [target] = ask(scene, "sip:carol@example.org")["targets"]
        assert (target["next_hop"], target["reason"]) == ("udp:192.0.2.99:5060", "registered; reached by its Path")

    def test_a_flow_that_is_gone(self, scene):
        scene.register("carol", "sip:carol@192.0.2.30", is_outbound=True)
        facts = ask(scene, "sip:carol@example.org")
        assert facts["targets"][0]["reason"] == "registered, but the flow it registered on is gone"
        assert facts["targets"][0]["next_hop"] == ""
        assert facts["answer"]["status"] == 430
        assert facts["sentence"].startswith("None of the targets can be reached: 430")

    def test_a_sips_call_takes_no_insecure_flow(self):
        listeners = (ListenAddress("tcp", "192.0.2.1", 5060), ListenAddress("tls", "192.0.2.1", 5061))
        scene = Scene(listeners=listeners)
        flow = scene.endpoint.flow(("192.0.2.20", 40000), "tcp")
        scene.register("bob", "sips:bob@192.0.2.20", flow=flow)
        scene.register("carol", "sips:carol@192.0.2.20", flow=flow, is_outbound=True)
        facts = ask(scene, "sips:bob@example.org", protocol="tls")
        [target] = facts["targets"]
        assert target["next_hop"] == "tls:192.0.2.20:5061"
        assert target["reason"] == "registered; reached at its contact address"
        facts = ask(scene, "sips:carol@example.org", protocol="tls")
        [target] = facts["targets"]
        assert (target["next_hop"], facts["answer"]["status"]) == ("", 430)
        assert target["reason"] == "registered, but the flow it keeps open is not secure"


class TestQuestions:
    @pytest.mark.parametrize(
        ("parts", "sentence"),
        [
            ({"method": "IN VITE"}, "is no method"),
            ({"host": "2001:db8::1"}, "does not listen for udp from 2001:db8::1"),
            ({"protocol": "tls"}, "does not listen for tls"),
        ],
    )
    def test_refusals(self, scene, parts, sentence):
        with pytest.raises(Unanswerable, match=sentence):
            ask(scene, **parts)

    def test_hostile_names(self, scene):
        facts = ask(scene, "sip:%00%0d%0a<script>@example.org".replace("<", "%3c").replace(">", "%3e"))
        assert facts["answer"]["status"] == 404
        assert "\r" not in facts["sentence"]

    @pytest.mark.parametrize("listener", [ListenAddress("udp", "0.0.0.0", 5060), ListenAddress("udp", "::", 5060)])
    def test_wildcard_listeners(self, listener):
        scene = Scene(listeners=(listener,))
        scene.register("bob", "sip:bob@192.0.2.20" if listener.host == "0.0.0.0" else "sip:bob@[2001:db8::20]")
        host = "192.0.2.10" if listener.host == "0.0.0.0" else "2001:db8::10"
        assert ask(scene, host=host)["decision"] == "proxy"
