"""What the registrar decides, as header fields and as sentences."""

import pytest

from registrar.outcome import Judged, Refused, Registered, printed
from sip.location import Binding, BindingChanges
from sip.message.address import Address

pytestmark = pytest.mark.rfc("3261", "10.3")

AOR, NOW = "sip:bob@example.org", 1000.0


def a_binding(id=1, **facts):
    values = {"contact": "sip:bob@192.0.2.9", "expires_at": NOW + 60, "call_id": "1", "cseq": 1, **facts}
    return Binding(id=id, aor=AOR, **values)


class TestPrinted:
    @pytest.mark.rule("R21")
    def test_it_works(self):
        assert printed(a_binding(), NOW) == "<sip:bob@192.0.2.9>;expires=60"
        shown = printed(a_binding(q=0.25, contact_parameters=";ob"), NOW, ';pub-gruu="x"')
        assert shown == '<sip:bob@192.0.2.9>;q=0.25;ob;pub-gruu="x";expires=60'

    def test_never_zero_while_it_lives(self):
        assert printed(a_binding(), NOW + 59.9).endswith("expires=1")


class TestFields:
    def test_only_what_there_is(self):
        assert Registered(BindingChanges(AOR), []).fields(NOW) == []

    def test_everything(self):
        registered = Registered(BindingChanges(AOR), [a_binding()], ("<sip:p;lr>",))
        registered.is_outbound, registered.flow_timer = True, 120
        registered.service_route, registered.wants_gruu = "<sip:edge;lr>", True
        assert registered.fields(NOW, lambda binding: ";g") == [
            ("Contact", "<sip:bob@192.0.2.9>;g;expires=60"),
            ("Path", "<sip:p;lr>"),
            ("Service-Route", "<sip:edge;lr>"),
            ("Require", "outbound"),
            ("Flow-Timer", "120"),
        ]
        registered.flow_timer = 0
        assert ("Require", "outbound") in registered.fields(NOW)
        assert "Flow-Timer" not in dict(registered.fields(NOW))


class TestSteps:
    def test_a_refusal(self):
        [step] = Refused(423, "Interval Too Brief", "10.3 step 7", [("Min-Expires", "60")], "R16").steps()
        assert step == ("Refused with 423: Interval Too Brief", "R16", "10.3 step 7")

    def test_what_was_asked_and_granted(self):
        def judged(contact, requested, granted, existing=None):
            return Judged(Address.parse(contact), requested, granted, existing)

        assert judged("<sip:b@h>;expires=9", 9, 9).step(True).rule == "R23"
        assert "the Expires header field" in judged("<sip:b@h>", 9, 9).step(True).text
        assert "the domain's usual time" in judged("<sip:b@h>", 9, 9).step(False).text
        assert judged("<sip:b@h>", 99, 9).step(True).rule == "R16"
        assert judged("<sip:b@h>", 0, 0, a_binding()).step(True).text == "sip:b@h (known by its URI) is to go"
        flow = judged("<sip:b@h>;reg-id=1", 9, 9, a_binding(reg_id=1)).step(True)
        assert flow.rule == "R32" and "instance and reg-id" in flow.text

    def test_changes_and_why(self):
        one, two, three = a_binding(1), a_binding(2), a_binding(3)
        changes = BindingChanges(AOR, added=[one], updated=[two], removed=[three])
        registered = Registered(changes, [one, two], ("<sip:p;lr>",), {3: "Replaced"})
        registered.is_outbound = registered.wants_gruu = True
        registered.service_route = "<sip:edge;lr>"
        texts = [step.text for step in registered.steps()]
        assert texts[:3] == [f"{word} sip:bob@192.0.2.9" for word in ("Added", "Refreshed")] + [
            "Removed sip:bob@192.0.2.9: Replaced"
        ]
        assert len(texts) == 8 and texts[-1] == "200 lists 2 current bindings"

    def test_nothing_to_change(self):
        assert [step.rule for step in Registered(BindingChanges(AOR), []).steps()] == ["R22", "R21"]
        repeated = Registered(BindingChanges(AOR), [])
        repeated.is_repeated = True
        assert [step.rule for step in repeated.steps()] == ["R18", "R21"]
