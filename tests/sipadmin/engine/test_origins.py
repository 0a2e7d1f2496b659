"""Which pages may open a WebSocket to us."""

import pytest

from sipadmin.engine.origins import OriginCheck
from sipadmin.environment import Sipadmin

pytestmark = pytest.mark.threat(28)


def check(origin, **environ):
    return OriginCheck(Sipadmin({"SIPADMIN_SIP": "ws:127.0.0.1:8080=sip.example.org:80", **environ}))(origin)


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("https://sip.example.org", True),
        ("http://SIP.example.org:8000", True),
        ("http://127.0.0.1:8000", True),
        ("http://localhost:8000", True),
        ("https://evil.example", False),
        ("https://sip.example.org.evil.example", False),
        ("null", False),
        ("", False),
    ],
)
def test_unset_it_is_our_own_names(origin, allowed):
    assert check(origin) is allowed


@pytest.mark.parametrize(
    ("listed", "origin", "allowed"),
    [
        ("https://phone.example", "https://phone.example", True),
        ("https://phone.example", "https://Phone.Example", True),
        ("https://phone.example", "https://phone.example:8443", False),
        ("https://phone.example", "http://phone.example", False),
        ("https://phone.example", "https://sip.example.org", False),
        ("null", "null", True),
        ("*", "https://anybody.example", True),
        ("", "https://sip.example.org", False),
    ],
)
def test_listed_it_is_those_to_the_letter(listed, origin, allowed):
    assert check(origin, SIPADMIN_WS_ORIGINS=listed) is allowed
