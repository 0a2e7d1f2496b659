"""The Via header field value."""

from __future__ import annotations

import pytest

from sip.message.errors import BadMessage
from sip.message.via import Via


@pytest.mark.rfc("3261", "20.42")
class TestVia:
    """§20.42: protocol, sent-by, parameters."""

    @pytest.mark.parametrize(
        ("text", "printed"),
        [
            ("SIP/2.0/UDP erlang.bell-telephone.com:5060;branch=z9hG4bK87asdks7", None),
            ("SIP / 2.0 / UDP  FIRST.example.com: 4000;ttl=16 ;maddr=224.2.0.1 ;branch=z9hG4bKa7c6a8dlze.1",
             "SIP/2.0/UDP first.example.com:4000;ttl=16;maddr=224.2.0.1;branch=z9hG4bKa7c6a8dlze.1"),
            ("SIP/2.0/tcp [2001:db8::9:1];received=2001:db8::9:255;rport;branch=1",
             "SIP/2.0/TCP [2001:db8::9:1];received=2001:db8::9:255;rport;branch=1"),
            ("SIP/2.0/UNKNOWN t5.example.com", None),
            ("SIP/2.0/UDP 192.0.2.2", None),
        ],
    )  # fmt: skip
    def test_good(self, text: str, printed: str | None) -> None:
        assert str(Via.parse(text)) == (printed or text)

    def test_parts(self) -> None:
        via = Via.parse("SIP/2.0/UDP Example.ORG:5070;branch=z9hG4bK1;rport")
        assert (via.transport, via.host, via.port, via.branch, via.sent_by) == (
            "UDP", "example.org", 5070, "z9hG4bK1", "example.org:5070",
        )  # fmt: skip
        assert via.has_magic_cookie and via.params["rport"] is None

    @pytest.mark.parametrize("branch", ["", ";branch=1", ";branch=xz9hG4bK"])
    def test_rfc_2543_branches(self, branch: str) -> None:
        assert not Via.parse("SIP/2.0/UDP a.example" + branch).has_magic_cookie

    @pytest.mark.parametrize(
        "text",
        [
            "", "SIP/2.0/UDP", "SIP/2.0 example.org", "UDP example.org", "SIP/2.0/UDP example.org:", "SIP/2.0/UDP a b",
            "SIP/2.0/UDP example.org:99999", "SIP/2.0/UDP [::g]", "SIP/2.0/UDP example.org;=x", "SIP/2.0/UDP a;b=1;b=2",
            "SIP/2.0/UDP ;branch=1",
        ],
    )  # fmt: skip
    def test_malformed(self, text: str) -> None:
        with pytest.raises(BadMessage):
            Via.parse(text)
