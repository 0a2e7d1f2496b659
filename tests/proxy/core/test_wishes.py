import pytest

from proxy.choices import parse_policy
from proxy.core.facts import EffectivePolicy
from proxy.core.wishes import as_wished
from tests.proxy.core.people import a_binding
from tests.proxy.scene import ADomain

DESK, MOBILE = "sip:bob@192.0.2.20", "sip:bob@192.0.2.22"


def wished(policy, *parameters, method="INVITE", **settings):
    domain = ADomain(1, "example.org")
    domain.contact_action = True
    for name, value in settings.items():
        setattr(domain, name, value)
    effective = EffectivePolicy(parse_policy(policy), 30.0, "server", "")
    return str(
        as_wished(effective, domain, method, [a_binding(DESK, contact_parameters=one) for one in parameters]).policy
    )


@pytest.mark.parametrize(
    ("policy", "parameters", "result"),
    [
        ("proxy", [";action=redirect"], "redirect"),
        ("proxy-sequential", [";action=REDIRECT"], "redirect"),
        ("proxy-parallel", [";x=1;action=redirect", ""], "redirect"),
        ("redirect", [";action=proxy"], "proxy"),
        ("redirect-301", [";ACTION=proxy"], "proxy"),
        ("redirect-301", [";action=redirect"], "redirect-301"),
        ("proxy-parallel", [";action=proxy"], "proxy-parallel"),
        ("proxy", [";action=redirect", ";action=proxy"], "proxy"),
        ("proxy", [";action=dance"], "proxy"),
        ("proxy", [";action"], "proxy"),
        ("proxy", [";action=redirect;action=redirect"], "proxy"),
        ("proxy", [";transaction=redirect"], "proxy"),
        ("proxy", [], "proxy"),
        ("refuse:486", [";action=proxy"], "refuse:486"),
        ("forward:sip:a@b", [";action=redirect"], "forward:sip:a@b"),
    ],
)
def test_what_all_contacts_agree_on_counts(policy, parameters, result):
    assert wished(policy, *parameters) == result


def test_only_where_the_domain_allows_it():
    assert wished("proxy", ";action=redirect", contact_action=False) == "proxy"


@pytest.mark.rule("D10")
@pytest.mark.rfc("3261", "8.3")
def test_methods_that_are_not_redirected_are_proxied():
    assert wished("redirect", redirected_methods=("INVITE",)) == "redirect"
    assert wished("redirect-301", method="MESSAGE", redirected_methods=("INVITE",)) == "proxy"
    assert wished("redirect", method="MESSAGE") == "redirect"
    assert wished("refuse:486", method="MESSAGE", redirected_methods=("INVITE",)) == "refuse:486"
    assert wished("proxy", ";action=redirect", method="MESSAGE", redirected_methods=("INVITE",)) == "proxy"
