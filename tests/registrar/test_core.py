"""Registrar core: §10.3 in its steps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registrar.core import Source, inspect_request, register
from registrar.limits import Limits
from registrar.outcome import Refused, Registered
from sip.location import AddressOfRecord
from sip.message.messages import new_request
from sip.transport.flow import Flow

NOW = 1000.0
AOR = "sip:bob@example.org"
DESK, MOBILE = "sip:bob@192.0.2.9:5062", "sip:bob@192.0.2.10"


def a_request(*contacts, cseq=1, call_id="desk", uri="sip:example.org", **fields):
    request = new_request(
        "REGISTER", uri, from_="<sip:bob@example.org>;tag=1", to="<sip:bob@example.org>", call_id=call_id, cseq=cseq
    )
    for contact in contacts:
        request.append("Contact", contact)
    for name, value in fields.items():
        request.append(name.replace("_", "-").title(), value)
    return request


class Registrar:
    """The core with one record, and the store's part in two lines."""

    def __init__(self, **limits):
        self.record = AddressOfRecord(AOR, user_id=7)
        self.limits = Limits(**limits)
        self.last_id = 0
        self.flow = Flow("udp", ("192.0.2.1", 5060), ("192.0.2.9", 5062))

    def __call__(self, *contacts, now=NOW, chance=0.0, **fields):
        result = register(
            a_request(*contacts, **fields),
            self.record,
            self.limits,
            Source(self.flow, "sip:bob@example.org"),
            now,
            lambda host, port: (host, port or 5060) == ("192.0.2.1", 5060),
            chance,
        )
        if isinstance(result, Registered):
            for binding in result.changes.added:
                self.last_id += 1
                binding.id = self.last_id
            self.record.bindings = result.changes.applied_to(self.record.bindings)
        return result

    @property
    def contacts(self):
        return [binding.contact for binding in self.record.bindings]


@pytest.fixture
def registrar():
    return Registrar()


def listed(result, now=NOW):
    assert isinstance(result, Registered), (result.status, result.reason)
    return [value for name, value in result.fields(now) if name == "Contact"]


def refused(result, status, *words):
    assert isinstance(result, Refused)
    assert result.status == status, result.reason
    for word in words:
        assert word in result.reason
    assert status < 600  # R08
    return dict(result.fields)


@pytest.mark.rfc("3261", "10.2")
class TestRequest:
    """10.3 steps 1 and 2."""

    @pytest.mark.rule("R01")
    def test_request_uri_with_a_user(self):
        refused(inspect_request(a_request(uri="sip:bob@example.org")), 400, "names a user")

    def test_other_schemes(self):
        refused(inspect_request(a_request(uri="tel:+123")), 416)

    @pytest.mark.parametrize("uri", ["sip:example.org", "sips:example.org", "sip:example.org:5060;transport=tcp"])
    def test_it_works(self, uri):
        assert inspect_request(a_request(uri=uri)) is None

    @pytest.mark.rule("R04")
    def test_only_the_unknown_of_require_are_listed(self):
        fields = refused(inspect_request(a_request(require="path, frob,Outbound, X")), 420)
        assert fields == {"Unsupported": "frob, x"}

    @pytest.mark.rule("R04")
    def test_proxy_require_is_not_ours_to_judge(self):
        assert inspect_request(a_request(proxy_require="foo")) is None

    @pytest.mark.rfc("3261", "8.2.3")
    @pytest.mark.parametrize(
        ("fields", "answer"),
        [
            ({"content_type": "application/sdp"}, ("Accept", "")),
            ({}, ("Accept", "")),
            ({"content_type": "text/plain", "content_encoding": "gzip"}, ("Accept-Encoding", "identity")),
            ({"content_type": "text/plain", "supported": "path", "path": "<sip:edge.example.org;lr>"}, ("Accept", "")),
        ],
    )
    def test_a_body_that_nobody_reads(self, fields, answer):
        request = a_request(f"<{DESK}>", **fields)
        request.body = b"v=0"
        assert refused(inspect_request(request), 415, "Unsupported Media Type") == dict([answer])

    @pytest.mark.rfc("3261", "8.2.3")
    def test_an_unknown_extension_is_told_before_the_body(self):
        request = a_request(f"<{DESK}>", require="frob")
        request.body = b"v=0"
        refused(inspect_request(request), 420)

    @pytest.mark.rfc("3261", "8.2.3")
    def test_a_body_that_may_be_passed_over(self):
        request = a_request(
            f"<{DESK}>", content_type="text/plain", content_disposition="render;handling=optional", require="path"
        )
        request.body = b"v=0"
        assert inspect_request(request) is None

    @pytest.mark.rule("R31")
    def test_path_without_support(self):
        fields = refused(inspect_request(a_request(path="<sip:edge.example.org;lr>")), 420, "Path")
        assert fields == {"Unsupported": "path"}

    @pytest.mark.rule("R31")
    @pytest.mark.rfc("3327", "5.3")
    @pytest.mark.rfc("3261", "8.2.4")
    def test_path_without_support_is_stored_where_the_domain_says_so_and_not_repeated(self, registrar):
        request = a_request(path="<sip:edge.example.org;lr>")
        assert inspect_request(request, "store") is None
        result = registrar(f"<{DESK}>", path="<sip:edge.example.org;lr>")
        assert result.changes.added[0].path == ("<sip:edge.example.org;lr>",)
        assert "Path" not in dict(result.fields(NOW))
        assert "Path" not in dict(registrar(path="<sip:edge.example.org;lr>", cseq=2).fields(NOW))

    @pytest.mark.rfc("3327", "5.3")
    @pytest.mark.parametrize(
        ("path", "status"),
        [
            ("<", 400),
            ("<sip:>", 400),
            ("<tel:+123>", 400),
            ("<sip:edge.example.org:0;lr>", 400),
            (", ".join(["<sip:edge.example.org;lr>"] * 21), 400),
            ("<sip:127.1;lr>", 400),
            ("<sip:224.0.1.75;lr>", 403),
            ("<sip:edge.example.org;lr;maddr=224.0.1.75>", 403),
            ("<sip:edge.example.org;lr>, <sip:0.0.0.0;lr>", 403),
        ],
    )
    def test_path_as_a_weapon(self, registrar, path, status):
        registrar(f"<{MOBILE}>")
        refused(registrar(f"<{DESK}>", path=path, supported="path", cseq=2), status)
        assert registrar.contacts == [MOBILE]

    @pytest.mark.rfc("3327", "5.3")
    @pytest.mark.parametrize(
        "path", ["<sip:192.0.2.1:5060;lr>", "<sips:edge.example.org;lr;ob>", "<sip:[2001:db8::7];lr>"]
    )
    def test_ways_that_requests_can_go(self, registrar, path):
        assert registrar(f"<{DESK}>", path=path, supported="path").changes.added[0].path == (path,)

    @pytest.mark.rule("R04")
    def test_storing_a_path_lets_nothing_else_through(self):
        fields = refused(inspect_request(a_request(path="<sip:p;lr>", require="x"), "store"), 420)
        assert fields == {"Unsupported": "x"}

    @pytest.mark.rule("R31")
    @pytest.mark.parametrize("name", ["supported", "require"])
    def test_path_is_stored_and_repeated(self, registrar, name):
        request = {"path": "<sip:p1.example.org;lr>,<sip:p2.example.org;lr>", name: "path"}
        assert inspect_request(a_request(**request)) is None
        result = registrar(f"<{DESK}>", **request)
        assert result.changes.added[0].path == ("<sip:p1.example.org;lr>", "<sip:p2.example.org;lr>")
        assert [value for field, value in result.fields(NOW) if field == "Path"] == [
            "<sip:p1.example.org;lr>",
            "<sip:p2.example.org;lr>",
        ]


@pytest.mark.rfc("3261", "10.2.2")
class TestWildcard:
    """10.3 step 6."""

    @pytest.mark.rule("R12")
    @pytest.mark.parametrize(
        ("contacts", "fields"),
        [
            (["*"], {}),
            (["*;expires=0"], {}),
            (["*;expires=0"], {"expires": "0"}),
            (["*", f"<{MOBILE}>"], {"expires": "0"}),
            ([f"*, <{MOBILE}>"], {"expires": "0"}),
            (["*, *"], {"expires": "0"}),
            (["*", "*"], {"expires": "0"}),
            (["*"], {"expires": "3600"}),
            (["*"], {"expires": "abc"}),
            (["*"], {"expires": ""}),
        ],
    )
    def test_anything_but_one_star_and_expires_0_is_invalid(self, registrar, contacts, fields):
        registrar(f"<{DESK}>")
        refused(registrar(*contacts, cseq=2, **fields), 400, "*")
        assert registrar.contacts == [DESK]

    @pytest.mark.rule("R13")
    def test_it_removes_bindings_of_any_call_id(self, registrar):
        registrar(f"<{DESK}>", call_id="desk")
        registrar(f"<{MOBILE}>", call_id="mobile")
        result = registrar("*", call_id="desk", cseq=2, expires="0")
        assert listed(result) == []
        assert {binding.contact for binding in result.changes.removed} == {DESK, MOBILE}
        assert registrar.contacts == []

    @pytest.mark.rule("R13")
    def test_same_call_id_and_no_higher_cseq_fails_as_a_whole(self, registrar):
        registrar(f"<{MOBILE}>", call_id="mobile")
        registrar(f"<{DESK}>", call_id="desk", cseq=5)
        refused(registrar("*", call_id="desk", cseq=5, expires="0"), 500, "CSeq")
        assert registrar.contacts == [MOBILE, DESK]


@pytest.mark.rfc("3261", "10.2.1.1")
class TestExpiry:
    """10.3 step 7, the requested expiration."""

    @pytest.mark.rule("R14")
    def test_parameter_then_header_field_then_default(self, registrar):
        result = registrar(f"<{DESK}>;expires=60, <{MOBILE}>", expires="600")
        assert listed(result) == [f"<{DESK}>;expires=60", f"<{MOBILE}>;expires=600"]
        assert listed(Registrar(default_expires=1800)(f"<{DESK}>")) == [f"<{DESK}>;expires=1800"]

    @pytest.mark.rule("R15")
    @pytest.mark.parametrize(
        ("parameter", "granted"),
        [("abc", 3600), ("-1", 3600), ('"60"', 3600), ("99999999999", 86400), ("4294967296", 86400), ("0060", 60)],
    )
    def test_malformed_and_huge(self, registrar, parameter, granted):
        assert listed(registrar(f"<{DESK}>;expires={parameter}")) == [f"<{DESK}>;expires={granted}"]

    @pytest.mark.rule("R15")
    def test_parameter_without_value_is_malformed_too(self, registrar):
        assert listed(registrar(f"<{DESK}>;expires", expires="60")) == [f"<{DESK}>;expires=3600"]

    @pytest.mark.rule("R16")
    @pytest.mark.rfc("3261", "10.2.8")
    @pytest.mark.rfc("3261", "20.23")
    def test_too_brief(self, registrar):
        assert refused(registrar(f"<{DESK}>;expires=59"), 423) == {"Min-Expires": "60"}
        assert registrar.contacts == []

    @pytest.mark.rule("R16")
    def test_an_hour_is_never_too_brief(self):
        registrar = Registrar(min_expires=7200)
        assert listed(registrar(f"<{DESK}>;expires=5400")) == [f"<{DESK}>;expires=5400"]
        assert listed(registrar(f"<{DESK}>;expires=3600", cseq=2)) == [f"<{DESK}>;expires=3600"]
        assert refused(registrar(f"<{DESK}>;expires=3599", cseq=3), 423) == {"Min-Expires": "7200"}

    @pytest.mark.rule("R16")
    def test_removal_is_never_too_brief(self, registrar):
        registrar(f"<{DESK}>")
        assert listed(registrar(f"<{DESK}>;expires=0", cseq=2)) == []
        assert registrar.contacts == []

    def test_the_default_is_never_too_brief(self):
        assert listed(Registrar(min_expires=600, default_expires=60)(f"<{DESK}>")) == [f"<{DESK}>;expires=600"]

    def test_longer_than_the_maximum_is_shortened(self):
        assert listed(Registrar(max_expires=300)(f"<{DESK}>;expires=3600")) == [f"<{DESK}>;expires=300"]

    @pytest.mark.parametrize(
        ("requested", "chance", "granted"),
        [
            (3600, 0.0, 3600),
            (3600, 0.5, 3420),
            (3600, 0.9999, 3240),
            (90000, 0.9999, 6480),  # of max_expires
            (100, 0.9999, 90),
            (64, 0.9999, 60),  # a tenth would be less than min_expires
            (60, 0.9999, 60),
        ],
    )
    def test_jitter_only_shortens_and_never_below_the_minimum(self, requested, chance, granted):
        registrar = Registrar(expires_jitter=10, max_expires=7200)
        result = registrar(f"<{DESK}>;expires={requested}", chance=chance)
        assert listed(result) == [f"<{DESK}>;expires={granted}"]

    def test_jitter_takes_nothing_from_what_is_shorter_than_the_minimum(self):
        registrar = Registrar(expires_jitter=50, min_expires=7200)
        assert listed(registrar(f"<{DESK}>;expires=5400", chance=0.9)) == [f"<{DESK}>;expires=5400"]

    @pytest.mark.rule("R16")
    @given(st.integers(1, 2**32 - 1), st.integers(0, 7200), st.integers(0, 50), st.floats(0, 1, exclude_max=True))
    def test_jitter_of_any_size(self, requested, minimum, jitter, chance):
        granted = Limits(min_expires=minimum, expires_jitter=jitter).granted(requested, chance)
        asked = min(requested, 86400)
        assert min(asked, minimum) <= granted <= asked
        assert granted >= asked * (100 - jitter) / 100
        assert granted > 0

    @pytest.mark.rule("R21")
    def test_what_remains_is_never_more_than_granted_and_never_0(self, registrar):
        result = registrar(f"<{DESK}>;expires=60", now=1234567.891)
        for passed, shown in [(0, 60), (0.2, 59), (30, 30), (59.5, 1)]:
            assert listed(result, 1234567.891 + passed) == [f"<{DESK}>;expires={shown}"]


@pytest.mark.rfc("3261", "10.3")
class TestUpdate:
    """10.3 step 7, the bindings."""

    @pytest.mark.rule("R22")
    def test_no_contact_is_a_query_even_with_expires_0(self, registrar):
        registrar(f"<{DESK}>")
        result = registrar(cseq=2, expires="0")
        assert listed(result) == [f"<{DESK}>;expires=3600"]
        assert not result.changes

    @pytest.mark.rule("R21")
    def test_200_lists_all_with_their_parameters(self, registrar):
        registrar(f'"Bob" <{DESK};ob>;q=0.7;+sip.instance="<urn:uuid:1>";reg-id=1', call_id="desk")
        result = registrar(f"<{MOBILE}>;expires=60", call_id="mobile", now=NOW + 100)
        assert listed(result, NOW + 100) == [
            f'<{DESK};ob>;q=0.7;+sip.instance="<urn:uuid:1>";reg-id=1;expires=3500',
            f"<{MOBILE}>;expires=60",
        ]

    def test_what_a_binding_keeps(self, registrar):
        result = registrar(
            f'<{DESK}>;q=0.25;+sip.instance="<urn:uuid:1>";reg-id=2;methods="INVITE,BYE"', cseq=9, user_agent="Desk/1"
        )
        binding = result.changes.added[0]
        assert (binding.aor, binding.user_id, binding.contact, binding.q) == (AOR, 7, DESK, 0.25)
        assert (binding.instance_id, binding.reg_id, binding.methods) == ("<urn:uuid:1>", 2, "INVITE,BYE")
        assert (binding.call_id, binding.cseq, binding.user_agent) == ("desk", 9, "Desk/1")
        assert (binding.transport, binding.received_from) == ("udp", "192.0.2.9:5062")
        assert (binding.received_on, binding.flow) == ("192.0.2.1:5060", registrar.flow)
        assert (binding.registered_by, binding.created_at, binding.expires_at) == (AOR, NOW, NOW + 3600)

    @pytest.mark.rule("R17")
    @pytest.mark.parametrize(
        "bad", ["<sip:bob@>", "<sip:bob@192.0.2.11>;q=1.5", "no address", "<sip:bob@192.0.2.11", "<sip:224.0.1.75>"]
    )
    def test_all_or_nothing(self, registrar, bad):
        result = registrar(f"<{DESK}>", f"<{MOBILE}>", bad)
        assert isinstance(result, Refused)
        assert result.status in (400, 403)
        assert registrar.contacts == []

    @pytest.mark.rule("R18")
    @pytest.mark.parametrize("cseq", [5, 6])
    def test_cseq_not_higher(self, registrar, cseq):
        registrar(f"<{DESK}>", cseq=6)
        before = registrar.record.bindings
        refused(registrar(f"<{DESK}>;expires=60", cseq=cseq), 500, "CSeq")
        refused(registrar(f"<{DESK}>;expires=0", cseq=cseq), 500, "CSeq")
        assert registrar.record.bindings is before

    @pytest.mark.rule("R20")
    def test_new_call_id_updates_whatever_the_cseq(self, registrar):
        registrar(f"<{DESK}>", cseq=100)
        result = registrar(f"<{DESK}>;expires=60", cseq=1, call_id="after the reboot", now=NOW + 5)
        assert [binding.id for binding in result.changes.updated] == [1]
        binding = registrar.record.bindings[0]
        assert (binding.call_id, binding.cseq, binding.expires_at) == ("after the reboot", 1, NOW + 65)
        assert (binding.created_at, binding.refreshed_at) == (NOW, NOW + 5)
        assert listed(registrar(f"<{DESK}>;expires=0", cseq=1, call_id="once more")) == []

    @pytest.mark.rule("R23")
    def test_security_on_and_off_are_two_bindings_though_each_equals_the_bare_one(self, registrar):
        registrar("<sip:bob@192.0.2.9;security=on>", cseq=1)
        registrar("<sip:bob@192.0.2.9;security=off>", cseq=2)
        assert len(registrar.contacts) == 2
        registrar("<sip:bob@192.0.2.9>", cseq=3)
        assert registrar.contacts == ["sip:bob@192.0.2.9", "sip:bob@192.0.2.9;security=off"]

    @pytest.mark.rule("R23")
    @pytest.mark.parametrize(
        ("one", "other", "count"),
        [
            ("sip:bob@192.0.2.9", "sips:bob@192.0.2.9", 2),
            ("sip:bob@192.0.2.9", "sip:bob@192.0.2.9:5060", 2),
            ("sip:bob@192.0.2.9", "sip:bob@192.0.2.9;transport=udp", 1),
            ("sip:bob@192.0.2.9", "sip:bob@192.0.2.9;maddr=192.0.2.8", 2),
            ("sip:bob@host.example", "sip:bob@HOST.example", 1),
            ("sip:bob@192.0.2.9", "sip:Bob@192.0.2.9", 2),
            ("sip:b%6fb@192.0.2.9", "sip:bob@192.0.2.9", 1),
        ],
    )
    def test_comparison(self, registrar, one, other, count):
        registrar(f"<{one}>", cseq=1)
        registrar(f"<{other}>", cseq=2)
        assert len(registrar.contacts) == count

    def test_the_same_text_wins_over_one_that_is_merely_equal(self, registrar):
        registrar("<sip:bob@192.0.2.9;a=1>", cseq=1)
        registrar("<sip:bob@192.0.2.9;a=2>", cseq=2)
        result = registrar("<sip:bob@192.0.2.9;a=2>", cseq=3)
        assert [binding.id for binding in result.changes.updated] == [2]

    def test_of_two_equal_contacts_in_one_request_the_last_counts(self, registrar):
        result = registrar(f"<{DESK}>;q=0.1, <{DESK}>;q=0.2")
        assert listed(result) == [f"<{DESK}>;q=0.2;expires=3600"]
        result = registrar(f"<{DESK}>;q=0.3, <{DESK}>;expires=0", cseq=2)
        assert listed(result) == []
        assert len(result.changes.removed) == 1

    def test_one_comes_one_goes_one_stays(self, registrar):
        registrar(f"<{DESK}>, <{MOBILE}>")
        result = registrar(f"<{DESK}>;expires=0, <sip:bob@192.0.2.11>", cseq=2)
        assert registrar.contacts == [MOBILE, "sip:bob@192.0.2.11"]
        changes = result.changes
        assert [len(part) for part in (changes.added, changes.updated, changes.removed)] == [1, 0, 1]

    @pytest.mark.rule("R24")
    def test_without_brackets_parameters_belong_to_the_header_field(self, registrar):
        result = registrar("sip:bob@192.0.2.9;transport=tcp;expires=60")
        assert registrar.contacts == ["sip:bob@192.0.2.9"]
        assert listed(result) == ["<sip:bob@192.0.2.9>;transport=tcp;expires=60"]

    @pytest.mark.rule("R24")
    @pytest.mark.parametrize("contact", ["sip:bob@192.0.2.9?Subject=x", "sip:b,ob@192.0.2.9"])
    def test_without_brackets_some_characters_are_forbidden(self, registrar, contact):
        refused(registrar(contact), 400)

    @pytest.mark.rule("R25")
    @pytest.mark.parametrize("q", ["1.5", ".5", "0.1234", "-0.1", "1.001", "one", '"0.5"'])
    def test_malformed_q(self, registrar, q):
        refused(registrar(f"<{DESK}>;q={q}"), 400, "q")

    @pytest.mark.rule("R25")
    @pytest.mark.parametrize(
        ("parameter", "q"), [("", 1.0), (";q=0", 0.0), (";q=0.005", 0.005), (";q=1.000", 1.0), (";Q=0.5", 0.5)]
    )
    @pytest.mark.rfc("3261", "10.2.1.2")
    def test_q(self, registrar, parameter, q):
        assert registrar(f"<{DESK}>{parameter}").changes.added[0].q == q

    @pytest.mark.rule("R26")
    @pytest.mark.parametrize("contact", ["tel:+4930123456", "mailto:bob@example.org"])
    @pytest.mark.rfc("3261", "19.1.6")
    def test_other_schemes_can_be_stored(self, registrar, contact):
        assert listed(registrar(f"<{contact}>")) == [f"<{contact}>;expires=3600"]

    @pytest.mark.rule("R29")
    def test_expired_bindings_do_not_count(self, registrar):
        registrar(f"<{DESK}>;expires=60", cseq=5)
        result = registrar(f"<{DESK}>;expires=60", cseq=4, now=NOW + 60)
        assert [binding.id for binding in result.changes.added] == [2]
        assert len(listed(result, NOW + 60)) == 1

    def test_it_changes_nothing_by_itself(self, registrar):
        registrar(f"<{DESK}>")
        before = registrar.record.bindings
        kept = list(before)
        register(a_request("*", cseq=2, expires="0"), registrar.record, Limits(), Source(registrar.flow), NOW)
        register(a_request(f"<{MOBILE}>", cseq=3), registrar.record, Limits(), Source(registrar.flow), NOW)
        assert registrar.record.bindings is before
        assert before == kept

    def test_steps_name_their_sections(self, registrar):
        result = registrar(f"<{DESK}>")
        assert [step.section for step in result.steps()] == ["10.3 step 7"] * 2 + ["10.3 step 8"]
        assert [step.section for step in registrar(cseq=2).steps()] == ["10.2.3", "10.3 step 8"]
        assert registrar(f"<{DESK}>;expires=1", cseq=3).steps()[0].text == "Refused with 423: Interval Too Brief"


class TestLimits:
    """Best practice: count, length, and where a contact may point (threat 13)."""

    def test_too_many_contacts_refuse_the_whole_request(self):
        registrar = Registrar(max_contacts=2)
        registrar(f"<{DESK}>, <{MOBILE}>")
        refused(registrar(f"<{DESK}>, <sip:bob@192.0.2.11>", cseq=2), 403, "2 contacts")
        assert registrar.contacts == [DESK, MOBILE]

    @pytest.mark.rfc("3261", "10.2.4")
    def test_a_refresh_is_never_too_many(self):
        registrar = Registrar(max_contacts=2)
        registrar(f"<{DESK}>, <{MOBILE}>")
        registrar.limits.max_contacts = 1
        assert len(listed(registrar(f"<{DESK}>", cseq=2))) == 2

    def test_one_may_replace_another_at_the_limit(self):
        registrar = Registrar(max_contacts=1)
        registrar(f"<{DESK}>")
        assert len(listed(registrar(f"<{MOBILE}>, <{DESK}>;expires=0", cseq=2))) == 1

    def test_replace_the_one_heard_of_longest_ago(self):
        registrar = Registrar(max_contacts=2, contact_limit="replace-oldest")
        registrar(f"<{DESK}>", call_id="desk")
        registrar(f"<{MOBILE}>", call_id="mobile", now=NOW + 1)
        registrar(f"<{DESK}>", call_id="desk", cseq=2, now=NOW + 2)  # older by birth, heard of more recently
        result = registrar("<sip:bob@192.0.2.11>", call_id="tablet", now=NOW + 3)
        assert registrar.contacts == [DESK, "sip:bob@192.0.2.11"]
        changes = result.changes
        assert [len(part) for part in (changes.added, changes.updated, changes.removed)] == [1, 0, 1]
        assert [binding.contact for binding in changes.removed] == [MOBILE]
        sentence = (
            "Replaced by sip:bob@192.0.2.11: More than 2 contacts for this user, and this one was heard of longest ago"
        )
        assert result.reasons == {2: sentence}
        assert f"Removed {MOBILE}: {sentence}" in [step.text for step in result.steps()]
        assert len(listed(result, NOW + 3)) == 2

    def test_replacing_makes_no_room_among_the_contacts_of_the_request_itself(self):
        registrar = Registrar(max_contacts=2, contact_limit="replace-oldest")
        registrar(f"<{DESK}>, <{MOBILE}>")
        others = ", ".join(f"<sip:bob@192.0.2.{number}>" for number in (11, 12, 13))
        refused(registrar(others, cseq=2), 403, "2 contacts")
        refused(registrar(f"<{DESK}>, <{MOBILE}>, <sip:bob@192.0.2.11>", cseq=2), 403, "2 contacts")
        assert registrar.contacts == [DESK, MOBILE]

    def test_a_lowered_limit_holds_with_the_next_new_contact(self):
        registrar = Registrar(max_contacts=3, contact_limit="replace-oldest")
        registrar(f"<{DESK}>, <{MOBILE}>")
        registrar.limits.max_contacts = 1
        registrar(f"<{DESK}>", cseq=2)
        assert registrar.contacts == [DESK, MOBILE]
        registrar("<sip:bob@192.0.2.11>", cseq=3)
        assert registrar.contacts == ["sip:bob@192.0.2.11"]

    @pytest.mark.rule("R18")
    def test_a_request_that_was_overtaken_replaces_nothing_of_the_later_one(self):
        registrar = Registrar(max_contacts=1, contact_limit="replace-oldest")
        registrar(f"<{MOBILE}>", cseq=6)
        refused(registrar(f"<{DESK}>", cseq=5), 403)
        assert registrar.contacts == [MOBILE]

    def test_contacts_of_one_request(self, registrar):
        refused(registrar(", ".join(f"<sip:bob{index}@192.0.2.9>" for index in range(51))), 400, "50")

    def test_long_uri_and_long_parameters(self, registrar):
        refused(registrar(f"<sip:{'b' * 2100}@192.0.2.9>"), 400, "too long")
        refused(registrar(f"<{DESK}>;x={'b' * 2100}"), 400, "too long")

    @pytest.mark.parametrize(
        "contact",
        [
            "sip:bob@224.0.1.75",
            "sip:bob@0.0.0.0",
            "sip:bob@0.1.2.3",
            "sip:bob@255.255.255.255",
            "sip:bob@[ff02::1]",
            "sip:bob@[::]",
            "sip:bob@[::ffff:224.0.1.75]",
            "sip:bob@192.0.2.9;maddr=224.0.1.75",
            "sip:bob@192.0.2.1",
            "sip:bob@192.0.2.1:5060;transport=tcp",
            "sip:bob@192.0.2.9;maddr=192.0.2.1",
            "sip:bob@EXAMPLE.org",
            "sip:bob@127.0.0.1:5062",
            "sip:bob@[::1]:5062",
            "sip:bob@[::ffff:127.0.0.1]:5062",
            "sip:bob@LocalHost:5062",
            "sip:bob@phone.localhost.:5062",
            "sip:bob@192.0.2.9;maddr=127.0.0.9",
        ],
    )
    @pytest.mark.threat(13)
    def test_contact_as_a_weapon(self, registrar, contact):
        refused(registrar(f"<{DESK}>, <{contact}>"), 403, "Contact")
        assert registrar.contacts == []

    def test_port_that_nobody_can_send_to(self, registrar):
        refused(registrar("<sip:bob@192.0.2.9:0>"), 400, "port 0")

    @pytest.mark.parametrize("host", ["0", "127.1", "0x7f000001", "1.2.3.4.5", "999.1.1.1"])
    def test_numbers_that_a_resolver_would_take_for_addresses(self, registrar, host):
        refused(registrar(f"<sip:bob@{host}>"), 400, "neither")

    @pytest.mark.parametrize(
        "contact",
        [
            "sip:bob@192.0.2.1:5070",
            "sip:bob@phone.example.org",
            "sip:bob@phone.invalid;transport=ws",
            "sip:alice@example.org",
        ],
    )
    def test_names_and_other_ports_are_fine(self, registrar, contact):
        assert len(listed(registrar(f"<{contact}>"))) == 1

    @pytest.mark.parametrize("source", ["127.0.0.9", "::1"])
    @pytest.mark.parametrize("contact", ["sip:bob@127.0.0.1:5062", "sip:bob@[::1]:5062", "sip:bob@localhost:5062"])
    def test_phones_on_this_machine_may_be_called_there(self, registrar, source, contact):
        registrar.flow = Flow("udp", (source, 5060), (source, 5062))
        assert len(listed(registrar(f"<{contact}>"))) == 1

    def test_so_may_edge_proxies(self, registrar):
        path = {"path": "<sip:127.0.0.1:5070;lr>", "supported": "path"}
        refused(registrar(f"<{DESK}>", **path), 403, "Path host 127.0.0.1")
        registrar.flow = Flow("udp", ("127.0.0.1", 5060), ("127.0.0.1", 5070))
        assert len(listed(registrar(f"<{DESK}>", **path))) == 1

    def test_text_that_no_database_takes(self, registrar):
        refused(registrar("<sip:b\udcffb@192.0.2.9>"), 400, "UTF-8")
        result = registrar(f"<{DESK}>", call_id="\udcff", user_agent="Phone \udcfe")
        assert result.changes.added[0].call_id == "\\udcff"
        assert result.changes.added[0].user_agent == "Phone \\udcfe"

    def test_user_agent_is_cut(self, registrar):
        assert len(registrar(f"<{DESK}>", user_agent="x" * 5000).changes.added[0].user_agent) == 200


class TestSwitches:
    """What a domain may be lenient about, and what the limits leave."""

    def test_a_request_uri_that_is_none(self):
        assert inspect_request(a_request(uri="sip:")).status == 400

    @pytest.mark.rule("R01")
    def test_a_user_in_the_request_uri(self):
        request = a_request(uri="sip:bob@example.org")
        assert inspect_request(request).rule == "R01"
        assert inspect_request(request, may_name_user=True) is None

    @pytest.mark.rule("R18")
    def test_the_same_cseq_again(self):
        registrar = Registrar(repeats_allowed=True)
        registrar(f"<{DESK}>", cseq=5)
        again = registrar(f"<{DESK}>", f"<{MOBILE}>", cseq=5)
        assert again.is_repeated and not again.changes
        assert registrar.contacts == [DESK]
        refused(registrar(f"<{DESK}>", cseq=4), 500, "CSeq")

    @pytest.mark.rule("R32")
    @pytest.mark.rfc("5626", "6")
    def test_flows(self, registrar):
        phone = '+sip.instance="<urn:uuid:1>";reg-id=1'
        far = "SIP/2.0/UDP edge;branch=z9hG4bK2, SIP/2.0/UDP 10.0.0.9;branch=z9hG4bK1"
        near = "SIP/2.0/UDP 10.0.0.9;branch=z9hG4bK1"
        refused(registrar(f"<{DESK}>;{phone}", supported="outbound", via=far), 439)
        refused(registrar(f"<{DESK}>;{phone}", f"<{MOBILE}>", supported="outbound", via=near), 400, "alone")
        assert registrar(f"<{DESK}>;{phone}", supported="outbound", via=near).is_outbound
        assert not registrar(f"<{DESK}>;{phone}", cseq=2, via=far).is_outbound

    @pytest.mark.rule("R20")
    def test_removing_what_is_not_there(self, registrar):
        assert not registrar(f"<{DESK}>;expires=0").changes
        registrar(f"<{DESK}>", cseq=2)
        assert not registrar(f"<{MOBILE}>;expires=0", cseq=3).changes
        assert registrar.contacts == [DESK]

    @pytest.mark.rule("R32")
    def test_a_flow_that_moved_says_where_it_was(self, registrar):
        phone = '+sip.instance="<urn:uuid:1>";reg-id=1'
        registrar(f"<{DESK}>;{phone}")
        assert DESK in registrar(f"<{MOBILE}>;{phone}", cseq=2).reasons[1]

    def test_one_device_one_contact(self):
        registrar = Registrar(one_contact_per_device=True)
        phone = '+sip.instance="<urn:uuid:1>"'
        registrar(f"<{DESK}>;{phone}")
        refused(registrar(f"<{MOBILE}>;{phone}", cseq=1), 500)
        registrar(f"<{MOBILE}>;{phone}", cseq=2)
        assert registrar.contacts == [MOBILE]

    def test_room_for_one_more(self):
        registrar = Registrar(max_contacts=1, contact_limit="replace-oldest")
        registrar(f"<{DESK}>", call_id="desk")
        assert registrar(f"<{MOBILE}>", call_id="mobile").reasons
        assert registrar.contacts == [MOBILE]
