"""URIs: parse, compare, canonical address-of-record."""

from __future__ import annotations

import contextlib
import re
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.message.errors import BadMessage
from sip.message.limits import MAX_URI_CHARACTERS
from sip.message.uri import Uri, split_host_port, unescape


@pytest.mark.rfc("3261", "19.1.1")
class TestParse:
    """§19.1.1: the parts of a URI."""

    def test_all_parts(self) -> None:
        uri = Uri.parse("SIPS:Alice:Secret@EXAMPLE.org:5071;Transport=TCP;lr?Subject=x&To=y")
        assert (uri.scheme, uri.user, uri.password, uri.host, uri.port) == (
            "sips", "Alice", "Secret", "example.org", 5071,
        )  # fmt: skip
        assert uri.params == {"transport": "TCP", "lr": None} and uri.headers == "Subject=x&To=y"
        assert uri.transport == "tcp" and uri.has_lr and uri.is_sip
        assert str(uri) == "SIPS:Alice:Secret@EXAMPLE.org:5071;Transport=TCP;lr?Subject=x&To=y"

    def test_absent_parts(self) -> None:
        uri = Uri.parse("sip:example.org")
        assert (uri.user, uri.password, uri.port, uri.transport, uri.username) == (None, None, None, "", "")

    @pytest.mark.parametrize(
        ("text", "user", "host"),
        [
            ("sip:user;par=u%40example.net@example.com", "user;par=u%40example.net", "example.com"),
            ("sip:*72@example.com", "*72", "example.com"),
            ("sip:+1-212-555;phone-context=x@gateway.com", "+1-212-555;phone-context=x", "gateway.com"),
            ("sip:alice@[2001:db8::9:1]:5070", "alice", "[2001:db8::9:1]"),
            ("sip:a?b/c@example.com", "a?b/c", "example.com"),
        ],
    )
    def test_unusual_but_right(self, text: str, user: str, host: str) -> None:
        uri = Uri.parse(text)
        assert (uri.user, uri.host) == (user, host)

    @pytest.mark.parametrize(
        "text",
        [
            "", "sip", "sip:", ":bob@x", "sip:@example.org", "sip:bob@", "sip:bob@exa mple.org", "sip:bob@a@b",
            "sip:bob@example.org:", "sip:bob@example.org:65536", "sip:bob@example.org:-1", "sip:bob@[2001:db8::1",
            "sip:bob@[2001:db8:::1]", "sip:bob@[::1]x", "sip:2001:db8::10", "sip:bob%4@example.org",
            "sip:bob@example.org;", "sip:bob@example.org;=x", "sip:bob@example.org;lr=", "sip:bob@example.org;lr;lr",
            "<sip:bob@example.org>", "sip:b\tob@example.org", 'sip:b"ob@example.org', "tel:", "tel:1 2",
        ],
    )  # fmt: skip
    def test_malformed(self, text: str) -> None:
        with pytest.raises(BadMessage) as caught:
            Uri.parse(text)
        assert caught.value.status == 400

    def test_too_long(self) -> None:
        with pytest.raises(BadMessage) as caught:
            Uri.parse("sip:" + "b" * MAX_URI_CHARACTERS + "@example.org")
        assert caught.value.status == 414

    def test_long_ones_are_parsed_without_the_cache(self) -> None:
        assert Uri.parse("sip:" + "b" * 600 + "@example.org").host == "example.org"

    def test_host_too_long(self) -> None:
        with pytest.raises(BadMessage):
            split_host_port("a" * 263)

    def test_other_schemes_are_opaque(self) -> None:
        uri = Uri.parse("tel:+1-212-555-0101;phone-context=example.org")
        assert (uri.scheme, uri.is_sip, uri.opaque) == ("tel", False, "+1-212-555-0101;phone-context=example.org")
        assert uri.aor() == str(uri)

    @given(st.text(max_size=60))
    def test_any_text(self, text: str) -> None:
        for candidate in (text, "sip:" + text, "sip:bob@" + text, "sip:bob@example.org;" + text):
            with contextlib.suppress(BadMessage):
                assert str(Uri.parse(candidate)) == candidate


@pytest.mark.rule("R10")
@pytest.mark.rfc("3261", "10.3")
class TestAor:
    """§10.3 step 5: canonical form."""

    @pytest.mark.parametrize(
        "text",
        [
            "sip:bob@example.org",
            "sip:%62ob@EXAMPLE.org;user=phone",
            "sips:bob@example.org:5061",
            "sip:b%6Fb:pw@Example.Org",
        ],
    )
    def test_same(self, text: str) -> None:
        assert Uri.parse(text).aor() == "sip:bob@example.org"

    def test_user_keeps_its_case(self) -> None:
        assert Uri.parse("sip:Bob@example.org").aor() != Uri.parse("sip:bob@example.org").aor()

    def test_domain_alone(self) -> None:
        assert Uri.parse("sip:Example.org;lr").aor() == "sip:example.org"


@pytest.mark.rfc("3261", "19.1.2")
class TestEscaping:
    """§19.1.2: %xx stands for a character wherever it may stand, and is none of the delimiters."""

    @pytest.mark.parametrize(
        ("text", "username"),
        [
            ("sip:%61lice@example.org", "alice"),
            ("sip:a%40b@example.org", "a@b"),
            ("sip:a%3Bb@example.org", "a;b"),
            ("sip:100%25@example.org", "100%"),
            ("sip:%e4@example.org", "\udce4"),
            ("sip:%c3%a4@example.org", "\u00e4"),
            ("sip:+1%20202@example.org", "+1 202"),
        ],
    )
    def test_username(self, text: str, username: str) -> None:
        uri = Uri.parse(text)
        assert (uri.username, uri.host) == (username, "example.org")
        assert str(uri) == text  # what is passed on stays as it was written

    @pytest.mark.parametrize("text", ["sip:bob@ex%61mple.org", "%73ip:bob@example.org", "sip:bob@example.org:50%360"])
    def test_not_in_scheme_host_or_port(self, text: str) -> None:
        with pytest.raises(BadMessage):
            Uri.parse(text)


@pytest.mark.rfc("3261", "19.1.3")
@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("sip:carol@example.net", ("sip", "carol", None, "example.net", None, {}, "")),
        ("sip:carol:pw@a.example;transport=tcp", ("sip", "carol", "pw", "a.example", None, {"transport": "tcp"}, "")),
        ("sips:carol@example.net?subject=plan&priority=low", (
            "sips", "carol", None, "example.net", None, {}, "subject=plan&priority=low")),
        ("sip:+49-30-1:99@gw.example;user=phone", ("sip", "+49-30-1", "99", "gw.example", None, {"user": "phone"}, "")),
        ("sips:4711@gw.example", ("sips", "4711", None, "gw.example", None, {}, "")),
        ("sip:carol@192.0.2.7:5062", ("sip", "carol", None, "192.0.2.7", 5062, {}, "")),
        ("sip:example.net;method=REGISTER?to=carol%40example.net", (
            "sip", None, None, "example.net", None, {"method": "REGISTER"}, "to=carol%40example.net")),
        ("sip:carol;day=monday@example.net", ("sip", "carol;day=monday", None, "example.net", None, {}, "")),
    ],
)  # fmt: skip
def test_whole_uris(text: str, parts: tuple[object, ...]) -> None:
    """§19.1.3: a URI of each of the kinds shown there."""
    uri = Uri.parse(text)
    assert (uri.scheme, uri.user, uri.password, uri.host, uri.port, uri.params, uri.headers) == parts


# Parts of a URI that none of the rules of equality treats alike.
USERS = st.text("aZ09-_.!~*'()&=+$,;?/", min_size=1, max_size=8)
HOSTS = st.sampled_from(["example.org", "phone.example.org", "192.0.2.1", "[2001:db8::1]"])
PORTS = st.sampled_from(["", ":5060", ":5061"])
PARAMS = st.dictionaries(
    st.sampled_from(["transport", "user", "ttl", "x-a", "x-b"]), st.text("aB1", min_size=1), max_size=4
)


def escaped(text: str, places: list[bool]) -> str:
    """The same user with some of its unreserved characters as %xx."""
    unreserved = re.compile(r"[A-Za-z0-9_.!~*'()-]")
    return "".join(
        f"%{ord(one):02x}" if is_hidden and unreserved.match(one) else one
        for one, is_hidden in zip(text, [*places, *[False] * len(text)], strict=False)
    )


def equal(a: str, b: str) -> bool:
    forward = Uri.parse(a).equals(Uri.parse(b))
    assert forward is Uri.parse(b).equals(Uri.parse(a)), "equality has no direction"
    return forward


@pytest.mark.rule("R23")
@pytest.mark.rfc("3261", "19.1.4")
class TestEquality:
    """§19.1.4: its rules, pair by pair."""

    @pytest.mark.parametrize(
        ("a", "b"),
        [
            ("sip:%61lice@example.org;transport=TCP", "sip:alice@Example.ORG;Transport=tcp"),
            ("sip:carol@example.org", "sip:carol@example.org;newparam=5"),
            ("sip:carol@example.org;security=on", "sip:carol@example.org;newparam=5"),
            ("sip:bob@example.org?priority=urgent&subject=x", "sip:bob@example.org?Subject=x&priority=urgent"),
            ("sip:bob@example.org;lr", "sip:bob@example.org"),
            ("tel:1", "tel:1"),
        ],
    )
    def test_equal(self, a: str, b: str) -> None:
        assert equal(a, b)

    @given(USERS, HOSTS, PORTS, PARAMS, st.lists(st.booleans(), max_size=8), st.randoms())
    def test_however_it_is_written(
        self, user: str, host: str, port: str, params: dict[str, str], places: list[bool], random: Random
    ) -> None:
        written = list(params.items())
        uri = f"sip:{user}@{host}{port}" + "".join(f";{name}={value}" for name, value in written)
        random.shuffle(written)
        other = f"SIP:{escaped(user, places)}@{host.upper()}{port}" + "".join(
            f";{name.upper()}={value.swapcase()}" for name, value in written
        )
        assert equal(uri, uri) and equal(uri, other)
        assert not equal(uri, other.replace("SIP:", "sips:"))
        assert not equal(uri, f"sip:x{user}@{host}{port}") and not equal(uri, f"{uri}?subject=x")

    @given(USERS, USERS)
    def test_the_user_counts_as_it_is(self, one: str, other: str) -> None:
        assert equal(f"sip:{one}@example.org", f"sip:{other}@example.org") is (one == other)

    @pytest.mark.parametrize(
        ("a", "b"),
        [
            ("sip:ALICE@example.org", "sip:alice@example.org"),
            ("sip:bob@example.org", "sip:bob@example.org:5060"),
            ("sip:bob@example.org", "sips:bob@example.org"),
            ("sip:bob@example.org;transport=udp", "sip:bob@example.org;transport=tcp"),
            ("sip:bob@example.org;security=on", "sip:bob@example.org;security=off"),
            ("sip:bob@example.org;user=phone", "sip:bob@example.org"),
            ("sip:bob@example.org;ttl=1", "sip:bob@example.org"),
            ("sip:bob@example.org;maddr=224.0.1.75", "sip:bob@example.org"),
            ("sip:bob@example.org;method=INVITE", "sip:bob@example.org"),
            ("sip:bob@example.org", "sip:bob@example.org?subject=x"),
            ("sip:bob:x@example.org", "sip:bob@example.org"),
            ("sip:bob@192.0.2.1", "sip:bob@phone.example.org"),
            ("sip:a%3Bb@example.org", "sip:a;b@example.org"),
            ("tel:1", "tel:2"),
        ],
    )
    def test_different(self, a: str, b: str) -> None:
        assert not equal(a, b)

    def test_not_transitive(self) -> None:
        bare, on, off = "sip:c@x.org", "sip:c@x.org;security=on", "sip:c@x.org;security=off"
        assert equal(bare, on) and equal(bare, off) and not equal(on, off)

    def test_transport_default_is_not_absent_transport(self) -> None:
        # §19.1.4 lists transport among the parameters that are ignored when only one URI has it.
        assert equal("sip:bob@x.org;transport=udp", "sip:bob@x.org")


@pytest.mark.rule("P08")
@pytest.mark.rfc("3261", "19.1.1")
class TestRequestUriForm:
    """Table 1 of §19.1.1: no method parameter and no headers in a Request-URI."""

    def test_stripped(self) -> None:
        uri = Uri.parse("sip:bob@example.org;method=INVITE;transport=tcp?Route=%3Csip:evil%3E")
        assert str(uri.without_headers_and_method()) == "sip:bob@example.org;transport=tcp"

    def test_it_says_what_it_is(self) -> None:
        assert repr(Uri.parse("sip:bob@x")) == "Uri('sip:bob@x')"

    @pytest.mark.parametrize(
        ("text", "left"),
        [("sip:bob@x?Subject=1", "sip:bob@x"), ("sip:x;method=BYE;lr", "sip:x;lr"), ("sip:b@x;a?c=d", "sip:b@x;a")],
    )
    def test_either_alone(self, text: str, left: str) -> None:
        assert Uri.parse(text).without_headers_and_method().text == left

    def test_nothing_to_strip(self) -> None:
        uri = Uri.parse("sip:bob;method=x@example.org;lr")
        assert uri.without_headers_and_method() is uri

    def test_named_params(self) -> None:
        uri = Uri.parse("sip:bob@example.org;Maddr=1.2.3.4;ttl=1;lr?a=b")
        assert str(uri.without_params("maddr", "ttl")) == "sip:bob@example.org;lr?a=b"
        assert uri.without_params("x") is uri


def test_unescape_keeps_bytes_that_are_not_utf8() -> None:
    assert unescape("%E4").encode("utf-8", "surrogateescape") == b"\xe4"
    assert unescape("J%C3%BCrgen") == "Jürgen"
