"""Routing rules: patterns, matching and order, as values."""

import pytest

from proxy.choices import Policy
from proxy.core import rules as module
from proxy.core.rules import (
    Asked,
    Match,
    Pattern,
    Rule,
    RuleBook,
    RuleTarget,
    address_of,
    parse_methods,
    parse_network,
    policy_of,
)

ASKED = Asked("bob", "sip:bob@example.org", "sip:bob@example.org", "INVITE", "alice@example.org", "192.0.2.10")


def a_rule(priority=10, id=1, targets=(), **match):
    return Rule(
        id, priority, f"{priority}", Match(**match), Policy("refuse", "486"), [RuleTarget(one) for one in targets]
    )


class TestPattern:
    @pytest.mark.parametrize(
        ("pattern", "yes", "no"),
        [
            ("bob", ["bob"], ["bobby", "Bob", ""]),
            ("*", ["", "bob", "***"], []),
            ("00*", ["00", "0049"], ["0", "+0049"]),
            ("*00", ["00", "100"], ["001"]),
            ("+49*00", ["+4900", "+49100"], ["+490", "+49"]),
            ("a*b*c", ["abc", "a-b-c", "abbc", "abcbc"], ["ab", "acb", "abcd"]),
            ("*a*a*", ["aa", "xaxax"], ["a", "xax"]),
            ("a**b", ["ab", "axb"], ["a"]),
            ("ab*ba", ["abba", "abxba"], ["aba"]),  # the ends do not overlap
            ("a*b*b", ["abb", "abxb"], ["ab"]),
            ("a.c", ["a.c"], ["abc"]),
            ("[0-9]", ["[0-9]"], ["5"]),
        ],
    )
    def test_it_works(self, pattern, yes, no):
        found = Pattern(pattern)
        assert [text for text in yes if not found.matches(text)] == []
        assert [text for text in no if found.matches(text)] == []
        assert repr(found) == f"Pattern({pattern!r})"

    @pytest.mark.parametrize("text", ["a b", "a\x00", "x" * 257, "*" * 9, "a\n"])
    def test_refusals(self, text):
        with pytest.raises(ValueError, match=r"holds|longer|stars"):
            Pattern(text)


class TestTarget:
    @pytest.mark.parametrize(
        ("text", "contact", "q"),
        [
            ("sip:desk@example.org", "sip:desk@example.org", 1.0),
            (" sips:gw.example;transport=tcp ", "sips:gw.example;transport=tcp", 1.0),
            ("<sip:gw.example>;q=0.5", "sip:gw.example", 0.5),
            ("sip:gw.example?Subject=x", "sip:gw.example", 1.0),
        ],
    )
    def test_it_works(self, text, contact, q):
        target = RuleTarget(text)
        assert (target.contact, target.q, target.uri.text) == (contact, q, contact)
        assert repr(target) == f"<{contact}>"

    @pytest.mark.parametrize("text", ["", "desk", "tel:+1", "sip:%%", "<sip:a", "<sip:a>;q=2", "sip:" + "a" * 400])
    def test_refusals(self, text):
        with pytest.raises(ValueError, match=r"no SIP URI|longer"):
            RuleTarget(text)


class TestMatching:
    @pytest.mark.parametrize(
        ("match", "is_for"),
        [
            ({}, True),
            ({"user": Pattern("b*")}, True),
            ({"user": Pattern("c*")}, False),
            ({"methods": frozenset({"INVITE"})}, True),
            ({"methods": frozenset({"MESSAGE"})}, False),
            ({"caller": Pattern("*@example.org")}, True),
            ({"caller": Pattern("bob@*")}, False),
            ({"source": parse_network("192.0.2.0/24")}, True),
            ({"source": parse_network("192.0.3.0/24")}, False),
            ({"source": parse_network("2001:db8::/32")}, False),
        ],
    )
    def test_each_dimension(self, match, is_for):
        assert a_rule(**match).is_for(ASKED) is is_for

    def test_where_it_leads_is_not_led_on(self):
        rule = a_rule(targets=["sip:desk@example.org"])
        assert rule.is_for(ASKED)
        assert not rule.is_for(ASKED._replace(aor="sip:desk@example.org"))
        assert not rule.is_for(ASKED._replace(dialled="sip:desk@example.org"))

    def test_the_lowest_number_decides_and_then_the_oldest(self):
        book = RuleBook([a_rule(20, 1), a_rule(10, 3), a_rule(10, 2)])
        assert book.find(1, ASKED).id == 2
        assert [rule.id for rule in book.rules] == [2, 3, 1]
        assert len(book) == 3
        assert repr(book.rules[0]) == "<rule 10>"

    def test_rules_of_a_domain(self):
        book = RuleBook([a_rule(10, 1, domain_id=1), a_rule(20, 2), a_rule(5, 3, domain_id=9)])
        assert book.find(1, ASKED).id == 1
        assert book.find(2, ASKED).id == 2
        assert book.find(9, ASKED).id == 3
        assert RuleBook().find(1, ASKED) is None
        assert RuleBook([a_rule(user=Pattern("x"))]).find(1, ASKED) is None

    def test_no_more_than_a_request_can_look_at(self, monkeypatch):
        monkeypatch.setattr(module, "MOST_RULES", 2)
        assert len(RuleBook([a_rule(id=number) for number in range(5)])) == 2

    def test_highest_q_first(self):
        rule = a_rule(targets=["<sip:a>;q=0.1", "<sip:b>;q=0.9"])
        assert [target.contact for target in rule.targets] == ["sip:b", "sip:a"]


@pytest.mark.parametrize(
    ("text", "shown"), [("192.0.2.1", "192.0.2.1"), ("::ffff:192.0.2.1", "192.0.2.1"), ("fe80::1%eth0", "fe80::1")]
)
def test_address(text, shown):
    assert str(address_of(text)) == shown


@pytest.mark.parametrize(
    ("action", "fork", "code", "targets", "policy"),
    [
        ("proxy", "by-q", None, 0, "proxy"),
        ("proxy", "parallel", None, 2, "proxy-parallel"),
        ("proxy", "serial", None, 2, "proxy-sequential"),
        ("redirect", "by-q", None, 0, "redirect"),
        ("reject", "by-q", 603, 0, "refuse:603"),
        ("forward", "by-q", None, 1, "forward:sip:t0"),
    ],
)
def test_policy(action, fork, code, targets, policy):
    assert str(policy_of(action, fork, code, [RuleTarget(f"sip:t{number}") for number in range(targets)])) == policy


@pytest.mark.parametrize(
    ("action", "fork", "code", "targets", "field"),
    [
        ("reject", "by-q", None, 0, "reject_code"),
        ("reject", "by-q", 302, 0, "reject_code"),
        ("forward", "by-q", None, 0, "targets"),
        ("forward", "by-q", None, 2, "targets"),
        ("proxy", "sideways", None, 0, "action"),
        ("explode", "by-q", None, 0, "action"),
    ],
)
def test_no_policy(action, fork, code, targets, field):
    with pytest.raises(ValueError, match=f"^{field}: "):
        policy_of(action, fork, code, [RuleTarget(f"sip:t{number}") for number in range(targets)])


def test_is_final():
    assert a_rule().is_final
    assert Rule(1, 1, "", Match(), Policy("proxy"), [RuleTarget("sip:a")]).is_final
    assert not Rule(1, 1, "", Match(), Policy("proxy-parallel")).is_final


def test_methods():
    assert parse_methods("INVITE, MESSAGE x-y.z") == {"INVITE", "MESSAGE", "x-y.z"}
    assert parse_methods("") == frozenset()
    with pytest.raises(ValueError, match="no method"):
        parse_methods("IN/VITE")


def test_network():
    assert parse_network(" ") is None
    assert str(parse_network("192.0.2.1")) == "192.0.2.1/32"
    with pytest.raises(ValueError, match="no network"):
        parse_network("192.0.2.1/24")
