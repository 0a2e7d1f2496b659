"""Where a caller may have his request sent (threats 13 and 14)."""

import pytest

from proxy.core.routing import Routed
from proxy.core.ways import check_way
from sip.message.uri import Uri

ALICE = "192.0.2.10"


@pytest.mark.parametrize(
    ("uri", "routes", "caller", "is_refused"),
    [
        ("sip:someone@203.0.113.5", [], ALICE, False),
        ("sip:someone@elsewhere.example", [], ALICE, False),
        ("sip:someone@127.0.0.1:11211", [], ALICE, True),
        ("sip:someone@[::1]", [], ALICE, True),
        ("sip:someone@localhost", [], ALICE, True),
        ("sip:someone@127.0.0.1:11211", [], "127.0.0.9", False),
        ("sip:someone@localhost", [], "::1", False),
        ("sip:someone@224.0.1.75", [], "127.0.0.9", True),
        ("sip:someone@0.0.0.0", [], ALICE, True),
        ("sip:someone@203.0.113.5;maddr=127.0.0.1", [], ALICE, True),
        ("sip:someone@203.0.113.5", ["<sip:127.0.0.1:53;lr>"], ALICE, True),
        ("sip:someone@127.0.0.1", ["<sip:203.0.113.5;lr>"], ALICE, False),  # the next one will judge
    ],
)
@pytest.mark.threat(13)
@pytest.mark.threat(14)
def test_way(uri, routes, caller, is_refused):
    refusal = check_way(Routed(Uri.parse(uri), routes), caller)
    assert (refusal is not None) is is_refused
    if refusal is not None:
        assert refusal.status == 403
        assert refusal.sentence.endswith(": 403")
