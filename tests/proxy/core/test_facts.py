from proxy.core.facts import SERVER_DEFAULT, Refuse, Target
from sip.message.uri import Uri


def test_facts_name_themselves_in_failures():
    assert repr(Target(Uri.parse("sip:bob@192.0.2.9"), 0.5)) == "<target sip:bob@192.0.2.9 q=0.5>"
    assert repr(Refuse(486, "Busy Here", "bob is busy")) == "<refuse 486 Busy Here>"


def test_origin_of_a_policy_in_words():
    assert SERVER_DEFAULT.origin_text == "server default"
    assert SERVER_DEFAULT._replace(origin="domain", origin_name="example.org").origin_text == "domain example.org"
