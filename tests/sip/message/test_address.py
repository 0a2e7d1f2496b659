"""name-addr and addr-spec."""

from __future__ import annotations

import pytest

from sip.message.address import Address
from sip.message.errors import BadMessage


@pytest.mark.rfc("3261", "20.10")
class TestAddress:
    """§20.10, §25.1: display names, brackets, parameters."""

    @pytest.mark.parametrize(
        ("text", "display_name", "uri", "params"),
        [
            ('"A. G. \\"Bell\\"" <sip:agb@b.com> ;tag=a48s', 'A. G. "Bell"', "sip:agb@b.com", {"tag": "a48s"}),
            ("Anonymous <sip:c8oqz@privacy.org>;tag=hyh8", "Anonymous", "sip:c8oqz@privacy.org", {"tag": "hyh8"}),
            ("<sip:bob@x.org;lr>;Q=0.5", "", "sip:bob@x.org;lr", {"q": "0.5"}),
            ("caller<sip:bob@x.org>", "caller", "sip:bob@x.org", {}),
            ("sip:+12125551212@phone2net.com;tag=887s", "", "sip:+12125551212@phone2net.com", {"tag": "887s"}),
            ('<sip:b@x>;+sip.instance="<urn:uuid:1;2>";reg-id=1', "", "sip:b@x",
             {"+sip.instance": '"<urn:uuid:1;2>"', "reg-id": "1"}),
            ('"" <tel:+1>', "", "tel:+1", {}),
            ("Jürgen Müller <sip:j@x>", "Jürgen Müller", "sip:j@x", {}),
        ],
    )  # fmt: skip
    def test_good(self, text: str, display_name: str, uri: str, params: dict[str, str]) -> None:
        address = Address.parse(text)
        assert (address.display_name, address.uri_text, address.params) == (display_name, uri, params)
        assert address.tag == params.get("tag", "")

    @pytest.mark.rule("R24")
    def test_without_brackets_all_parameters_belong_to_the_field(self) -> None:
        address = Address.parse("sip:bob@192.0.2.9;transport=tcp;expires=60")
        assert address.uri.params == {} and address.params == {"transport": "tcp", "expires": "60"}

    @pytest.mark.parametrize(
        "text",
        [
            "", "<>", "bob", '"open <sip:bob@x>', '"Bob" sip:bob@x', "<sip:bob@x", "<sip:bob@x>tag=1", "a, b <sip:c@d>",
            "<sip:bob@x>;tag=1;tag=2", "<sip:bob@x>;=1", "<sip:bob@x>;tag=", '<sip:bob@x>;a="x"y', '<sip:bob@x>;a="x',
        ],
    )  # fmt: skip
    def test_malformed(self, text: str) -> None:
        with pytest.raises(BadMessage):
            Address.parse(text)

    @pytest.mark.rule("R24")
    @pytest.mark.parametrize("text", ["sip:bob@x?subject=y", "sip:a,b@x", "sip:b@x;a=b?c=d"])
    def test_uri_that_needs_brackets(self, text: str) -> None:
        with pytest.raises(BadMessage, match=r"needs < and >|Malformed value"):
            Address.parse(text)

    def test_long_ones_are_parsed_without_the_cache(self) -> None:
        assert Address.parse("<sip:bob@x>;a=" + "b" * 600).uri_text == "sip:bob@x"


def test_it_says_what_it_is() -> None:
    assert repr(Address.parse("<sip:bob@example.org>;tag=1")) == "Address('sip:bob@example.org', {'tag': '1'})"
