"""What is held against a source."""

import pytest

from sip.defence.evidence import POINTS, SENTENCES, Evidence, is_scanner


@pytest.mark.parametrize("agent", ["friendly-scanner", "SIPVicious 0.3", "sipcli/v1.8", "VaxSIPUserAgent/3.1"])
def test_attack_programs(agent):
    assert is_scanner(agent)


@pytest.mark.parametrize("agent", ["", "baresip v1.0.0", "SIPp 3.6", "sipsak 0.9.8.1", "Linphone/5.1", "Kamailio"])
def test_phones_and_test_tools(agent):
    assert not is_scanner(agent)


def test_every_kind_has_points_and_a_sentence():
    assert POINTS.keys() == SENTENCES.keys()
    assert Evidence(1.0, "scanner", "x").facts() == {"at": 1.0, "kind": "scanner", "detail": "x", "points": 10.0}
