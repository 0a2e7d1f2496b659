"""The registrar over an imaginary wire: whole REGISTER exchanges, without sockets and without a database."""

import re

import pytest

from registrar.clock import Clock
from registrar.directory import Dropped
from registrar.handler import RegistrarHandler
from registrar.location import StoredLocation
from sip.auth.authenticator import Authenticator
from sip.auth.digest import ha1, response
from sip.auth.nonce import NonceFactory
from sip.message.fields import parse_credentials
from tests.registrar.people import PASSWORD, a_directory, a_user
from tests.sip.imaginary import BOB, CAROL, ImaginaryEndpoint, request_text

AOR = "sip:bob@example.org"
WALL = 1_700_000_000.0


class SlowJournal:
    """A journal whose database is the test: ``finish`` ends the oldest commit. ``is_instant`` ends each at once."""

    def __init__(self):
        self.waiting = []
        self.deleted = []
        self.is_full = False
        self.is_instant = True

    def submit(self, changes, done):
        self.waiting.append((changes, done))
        if self.is_instant:
            self.finish()

    def delete(self, bindings):
        self.deleted += bindings

    def finish(self, error=None):
        self.waiting.pop(0)[1](error)


class Core:
    """The dispatcher's part: every REGISTER goes to the registrar with the domain of its Request-URI."""

    def __init__(self, directory):
        self.directory = directory
        self.handler = None

    def request_received(self, transaction, now):
        self.handler.register(transaction, self.domain_of(transaction.request.uri), now)

    def domain_of(self, uri):
        """The engine's rule in small: by name, and by one address of this server (R11)."""
        return self.directory.domain("example.org" if uri.host == "192.0.2.10" else uri.host)


class Registrar:
    """A registrar and the phones that talk to it."""

    def __init__(self, **settings):
        self.directory = a_directory(**settings)
        self.core = Core(self.directory)
        self.endpoint = ImaginaryEndpoint(self.core)
        now = self.endpoint.now()
        self.clock = Clock(now, WALL)
        self.location = StoredLocation(self.directory, self.clock)
        self.journal = SlowJournal()
        self.events = []
        self.handler = self.core.handler = RegistrarHandler(
            self.endpoint,
            self.directory,
            self.location,
            self.journal,
            Authenticator(NonceFactory(b"a secret of this server alone")),
            lambda kind, key, build: self.events.append((kind, key, build())),
            self.clock,
            self.core.domain_of,
        )
        self.branches = 0

    def send(self, *fields, uri="sip:example.org", user="bob", source=BOB, branch="", multicast=False, **options):
        """One REGISTER; gives the response, None when there was none."""
        self.branches += 1
        options = {
            "from_": f"<sip:{user}@example.org>;tag=1",
            "to": f"<sip:{user}@example.org>",
            "call_id": "desk",
            "cseq": self.branches,
        } | options
        branch = branch or f"z9hG4bK{self.branches}"
        text = request_text("REGISTER", uri, source=source, branch=branch, fields=fields, **options)
        self.endpoint.take()
        self.endpoint.deliver(text, source, is_multicast=multicast)
        return self.answer()

    def answer(self):
        sent = self.endpoint.take()
        assert len(sent) <= 1
        return sent[0].message if sent else None

    def register(self, *fields, user="bob", password=PASSWORD, realm="example.org", method="REGISTER", **options):
        """The exchange of a phone: challenged once, then with credentials."""
        challenged = self.send(*fields, user=user, **options)
        assert challenged.status == 401, challenged
        credentials = self.credentials(challenged, user, password, realm, method)
        return self.send(*fields, credentials, user=user, **options)

    def credentials(self, challenged, user="bob", password=PASSWORD, realm="example.org", method="REGISTER"):
        params = parse_credentials(challenged.first("www-authenticate")).params
        known = ha1("MD5", user, realm, password)
        digest = response("MD5", known, method, "sip:example.org", params["nonce"], "auth", "00000001", "c")
        return (
            f'Authorization: Digest username="{user}", realm="{realm}", nonce="{params["nonce"]}", qop=auth, '
            f'uri="sip:example.org", nc=00000001, cnonce="c", response="{digest}", algorithm=MD5'
        )

    def contacts(self, aor=AOR):
        return [binding.contact for binding in self.location.lookup(aor, self.endpoint.now())]


@pytest.fixture
def registrar():
    return Registrar()


@pytest.fixture
def open_registrar():
    """Asks for no password."""
    return Registrar(auth_register=False)


def offered(challenged):
    return [parse_credentials(line).params["algorithm"] for line in challenged.lines("www-authenticate")]


DESK = "Contact: <sip:bob@192.0.2.20:5062>"
MOBILE = "Contact: <sip:bob@192.0.2.21>"


@pytest.mark.rfc("3261", "10.3")
class TestRegister:
    """10.3 Processing REGISTER Requests."""

    def test_it_works(self, registrar):
        answer = registrar.register(f"{DESK};q=0.5", "User-Agent: Desk/1")
        assert answer.status == 200
        assert answer.lines("contact") == ["<sip:bob@192.0.2.20:5062>;q=0.5;expires=3600"]
        assert registrar.contacts() == ["sip:bob@192.0.2.20:5062"]
        kind, key, event = registrar.events[0]
        assert (kind, key) == ("binding", event["id"])
        assert event["change"] == "added"
        assert event["expires_at"] == pytest.approx(WALL + 3600, abs=1)
        assert (event["aor"], event["user_agent"], event["registered_by"]) == (AOR, "Desk/1", AOR)
        assert event["received_from"] == "192.0.2.20:5060"

    @pytest.mark.rfc("3261", "8.2.3")
    def test_a_body_that_nobody_reads(self, open_registrar):
        answer = open_registrar.send(DESK, "Content-Type: application/sdp", body="v=0")
        assert (answer.status, answer.lines("accept")) == (415, [""])
        assert open_registrar.contacts() == []

    @pytest.mark.rule("R21")
    @pytest.mark.rfc("3261", "10.2.5")
    def test_date(self, registrar):
        assert registrar.register(DESK).first("date") == "Tue, 14 Nov 2023 22:13:20 GMT"

    @pytest.mark.rule("R21")
    @pytest.mark.rfc("3261", "10.1")
    def test_all_bindings_are_listed(self, registrar):
        registrar.register(DESK)
        registrar.endpoint.advance(100)
        answer = registrar.register(MOBILE, source=CAROL, call_id="mobile")
        assert answer.lines("contact") == [
            "<sip:bob@192.0.2.20:5062>;expires=3500",
            "<sip:bob@192.0.2.21>;expires=3600",
        ]

    @pytest.mark.rule("R22")
    @pytest.mark.rfc("3261", "10.2.3")
    def test_query(self, registrar):
        registrar.register(DESK)
        assert registrar.register("Expires: 0").lines("contact") == ["<sip:bob@192.0.2.20:5062>;expires=3600"]
        assert len(registrar.events) == 1

    def test_removal(self, registrar):
        registrar.register(DESK)
        answer = registrar.register(DESK, "Expires: 0")
        assert (answer.status, answer.lines("contact")) == (200, [])
        assert registrar.contacts() == []
        assert [event["change"] for _, _, event in registrar.events] == ["added", "removed"]
        assert [event["type"] for _, _, event in registrar.events] == ["registration.created", "registration.removed"]

    @pytest.mark.rule("R09")
    def test_record_route_is_ignored(self, registrar):
        answer = registrar.register(DESK, "Record-Route: <sip:p1.example.org;lr>")
        assert answer.status == 200
        assert not answer.has("record-route")

    @pytest.mark.rule("R10")
    @pytest.mark.parametrize(
        "to",
        [
            "<sip:%62ob@EXAMPLE.org;user=phone>",
            "<sip:bob@example.com>",
            "sip:2001@example.org",
            "<sips:bob@example.org>",
        ],
    )
    def test_one_address_of_record_in_many_spellings(self, registrar, to):
        assert registrar.register(DESK, to=to).status == 200
        assert registrar.contacts() == ["sip:bob@192.0.2.20:5062"]

    @pytest.mark.rule("R11")
    def test_port_in_to_and_request_uri(self, registrar):
        answer = registrar.register(DESK, to="<sip:bob@example.org:5060>", uri="sip:example.org:5060")
        assert answer.status == 200
        assert registrar.contacts() == ["sip:bob@192.0.2.20:5062"]

    @pytest.mark.rule("R11")
    def test_our_address_instead_of_the_domain(self, registrar):
        # A phone that was given no domain, only the address of its registrar.
        answer = registrar.register(DESK, to="<sip:bob@192.0.2.10:5060>", uri="sip:192.0.2.10:5060")
        assert answer.status == 200
        assert registrar.contacts(AOR) == ["sip:bob@192.0.2.20:5062"]

    @pytest.mark.rule("R31")
    def test_path_is_repeated(self, registrar):
        answer = registrar.register(DESK, "Supported: path", "Path: <sip:p1.example.org;lr>")
        assert answer.lines("path") == ["<sip:p1.example.org;lr>"]
        binding = registrar.location.lookup(AOR, registrar.endpoint.now())[0]
        assert binding.path == ("<sip:p1.example.org;lr>",)

    def test_over_tcp(self, registrar):
        text = request_text("REGISTER", "sip:example.org", source=BOB, to=f"<{AOR}>", protocol="TCP")
        registrar.endpoint.deliver(text, BOB, "tcp")
        assert registrar.answer().status == 401


class TestRefusal:
    """10.3 steps 1 to 7, and their order."""

    @pytest.mark.rule("R03")
    def test_order(self, registrar):
        assert registrar.send("Require: x", uri="sip:bob@example.org").status == 400
        assert registrar.send("Require: x", user="nobody").status == 420
        assert registrar.send("Contact: broken", user="nobody").status == 401
        assert registrar.register("Contact: broken", user="carol", to=f"<{AOR}>").status == 403
        assert registrar.register("Contact: broken").status == 400

    @pytest.mark.rule("R01")
    def test_reason_phrase_says_what_is_wrong(self, registrar):
        assert registrar.send(uri="sip:bob@example.org").reason == "Request-URI of REGISTER names a user"

    @pytest.mark.rule("R04")
    def test_unsupported(self, registrar):
        assert registrar.send("Require: path, frob").first("unsupported") == "frob"

    @pytest.mark.rule("R03")
    @pytest.mark.threat(5)
    def test_known_and_unknown_users_get_the_same_401(self, registrar):
        def shape(answer):
            return re.sub(r'(nonce="|tag=|branch=z9hG4bK|Call-ID: )\w+', "", str(answer)).replace("nobody", "bob")

        known = registrar.send(call_id="a", cseq=1)
        unknown = registrar.send(user="nobody", call_id="b", cseq=1)
        assert shape(known) == shape(unknown)
        wrong = registrar.register(DESK, password="guess")
        nobody = registrar.register(DESK, user="nobody")
        assert wrong.status == nobody.status == 401
        assert registrar.handler.count["credentials_wrong"] == 2
        kind, _, event = registrar.events[0]
        assert (kind, event["type"], event["subject"]) == ("event", "auth.failed", AOR)
        assert "guess" not in str(event)

    @pytest.mark.rule("R37")
    @pytest.mark.rfc("8760", "2.3")
    @pytest.mark.parametrize(
        ("choice", "expected"),
        [
            ("strongest-first", ["SHA-256", "SHA-512-256", "MD5"]),
            ("md5-first", ["MD5", "SHA-256", "SHA-512-256"]),
            ("no-md5", ["SHA-256", "SHA-512-256"]),
        ],
    )
    def test_challenges_come_in_the_order_that_the_domain_wants(self, choice, expected):
        assert offered(Registrar(digest_algorithms=choice).send()) == expected

    @pytest.mark.rule("R37")
    @pytest.mark.threat(4)
    def test_where_md5_is_not_offered_it_is_not_accepted(self):
        registrar = Registrar(digest_algorithms="no-md5")
        again = registrar.register(DESK)
        assert (again.status, offered(again)) == (401, ["SHA-256", "SHA-512-256"])
        assert registrar.handler.count["credentials_wrong"] == 0

    @pytest.mark.rule("R07")
    @pytest.mark.parametrize(
        "to", ["<sip:bob@other.example>", "<sip:bob@nowhere.example>", "<tel:+123>", "<sip:example.org>"]
    )
    def test_to_is_not_of_this_domain(self, registrar, to):
        assert registrar.register(DESK, to=to).status == 404

    def test_open_domain_still_needs_the_user(self, open_registrar):
        assert open_registrar.send(DESK, user="nobody").status == 404
        assert open_registrar.send(DESK).status == 200
        assert open_registrar.location.lookup(AOR, open_registrar.endpoint.now())[0].registered_by == ""

    @pytest.mark.rule("R38")
    def test_disabled_user(self, open_registrar):
        open_registrar.directory.by_aor(AOR).enabled = False
        assert open_registrar.send(DESK).status == 404

    @pytest.mark.rule("R38")
    def test_disabled_user_with_the_right_password(self, registrar):
        registrar.directory.by_aor(AOR).enabled = False
        assert registrar.register(DESK).status == 401

    @pytest.mark.rule("R16")
    def test_interval_too_brief(self, open_registrar):
        answer = open_registrar.send(DESK, "Expires: 5")
        assert (answer.status, answer.first("min-expires")) == (423, "60")

    @pytest.mark.rule("R18")
    def test_old_cseq(self, open_registrar):
        open_registrar.send(DESK, cseq=6)
        assert open_registrar.send(DESK, cseq=5, branch="z9hG4bKold").status == 500
        assert len(open_registrar.events) == 1

    @pytest.mark.rule("R19")
    def test_retransmission_gets_the_same_answer(self, open_registrar):
        first = open_registrar.send(DESK, cseq=6, branch="z9hG4bKsame")
        again = open_registrar.send(DESK, cseq=6, branch="z9hG4bKsame")
        assert str(first) == str(again)
        assert len(open_registrar.events) == 1

    @pytest.mark.rule("R30")
    def test_merged_request(self, open_registrar):
        assert open_registrar.send(DESK, cseq=6, branch="z9hG4bKone").status == 200
        assert open_registrar.send(DESK, cseq=6, branch="z9hG4bKother").status == 482

    def test_limit_of_the_user_wins_over_the_domains(self, open_registrar):
        open_registrar.directory.by_aor(AOR)._max_contacts = 1
        assert open_registrar.send(DESK).status == 200
        answer = open_registrar.send(MOBILE)
        assert (answer.status, answer.reason) == (403, "More than 1 contacts for this user")

    @pytest.mark.rule("R31")
    @pytest.mark.rfc("3327", "5.3")
    @pytest.mark.parametrize(("choice", "status", "count"), [("refuse", 420, 0), ("store", 200, 1)])
    def test_path_without_support_is_the_domains_choice(self, choice, status, count):
        registrar = Registrar(auth_register=False, path_without_support=choice)
        answer = registrar.send(DESK, "Path: <sip:edge.example.org;lr>")
        assert answer.status == status
        assert answer.first("path") is None
        found = registrar.location.lookup(AOR, registrar.endpoint.now())
        assert [binding.path for binding in found] == [("<sip:edge.example.org;lr>",)] * count

    def test_expiries_are_spread_by_the_chance_of_the_handler(self):
        registrar = Registrar(auth_register=False, expires_jitter=20)
        registrar.handler._chance = iter([0.0, 0.5]).__next__
        assert "expires=3600" in registrar.send(DESK).first("contact")
        assert "expires=3240" in registrar.send(DESK).first("contact")

    @pytest.mark.rule("R32")
    @pytest.mark.rfc("5626", "6")
    def test_a_phone_that_moved_is_one_binding_and_the_event_says_so(self, open_registrar):
        phone = '+sip.instance="<urn:uuid:1>";reg-id=1'
        open_registrar.send(f"Contact: <sip:bob@192.0.2.9>;{phone}")
        open_registrar.events.clear()
        open_registrar.send(f"Contact: <sip:bob@192.0.2.77>;{phone}")
        [(_, _, event)] = open_registrar.events
        assert (event["change"], event["contact"]) == ("refreshed", "sip:bob@192.0.2.77")
        assert event["type"] == "registration.moved"
        assert event["reason"] == "The phone came back at another address; before it was sip:bob@192.0.2.9"
        assert open_registrar.contacts() == ["sip:bob@192.0.2.77"]

    def test_one_contact_per_device_is_the_domains_choice(self):
        registrar = Registrar(auth_register=False, one_contact_per_device=True)
        for host in ("192.0.2.9", "192.0.2.77"):
            registrar.send(f'Contact: <sip:bob@{host}>;+sip.instance="<urn:uuid:1>"')
        assert registrar.contacts() == ["sip:bob@192.0.2.77"]

    def test_without_jitter_nothing_is_left_to_chance(self, open_registrar):
        open_registrar.handler._chance = None
        assert open_registrar.send(DESK).status == 200

    def test_the_replaced_phone_is_told_of_with_the_reason(self):
        registrar = Registrar(auth_register=False, max_contacts=1, contact_limit="replace-oldest")
        registrar.send(DESK)
        registrar.events.clear()
        assert registrar.send(MOBILE).status == 200
        facts = {event["change"]: event for _, _, event in registrar.events}
        assert facts["removed"]["contact"] in DESK
        assert facts["removed"]["type"] == "registration.replaced"
        assert facts["removed"]["reason"].startswith(f"Replaced by {facts['added']['contact']}: More than 1 contacts")
        assert len(registrar.contacts()) == 1

    @pytest.mark.threat(11)
    @pytest.mark.threat(13)
    def test_contact_at_our_own_address(self, open_registrar):
        assert open_registrar.send("Contact: <sip:bob@192.0.2.1:5060>").status == 403
        assert open_registrar.send("Contact: <sip:bob@192.0.2.1>").status == 403
        assert open_registrar.send("Contact: <sip:bob@192.0.2.1:5070>").status == 200


@pytest.mark.rfc("3261", "22")
@pytest.mark.rfc("3261", "22.2")
class TestOddNames:
    """Names are looked up, compared and written as text, and never are anything else (threat 23)."""

    NAMES = ("a'b", "b%25", "..%2Fx", "%7B%7B7*7%7D%7D", "x'%20OR%201=1--", "b" * 500, "%00", "%c3%a9%ff")

    @pytest.mark.threat(23)
    @pytest.mark.parametrize("name", NAMES)
    def test_who_has_one_is_nobody(self, registrar, open_registrar, name):
        assert registrar.send(DESK, user=name).status == 401
        assert open_registrar.send(DESK, user=name).status == 404

    @pytest.mark.threat(23)
    def test_or_whoever_was_given_it(self):
        registrar = Registrar(auth_register=False)
        a_user(registrar.directory, registrar.directory.domain("example.org"), 9, "a'b--")
        assert registrar.send(DESK, user="a'b--").status == 200
        assert registrar.contacts("sip:a'b--@example.org") == ["sip:bob@192.0.2.20:5062"]


@pytest.mark.threat(13)
def test_no_name_is_looked_up_at_registration(open_registrar, monkeypatch):
    monkeypatch.setattr(open_registrar.endpoint.network, "look_up", None)
    assert open_registrar.send("Contact: <sip:bob@phone.example.net>").status == 200
    assert open_registrar.contacts() == ["sip:bob@phone.example.net"]


class TestCredentials:
    """22.1 to 22.4, as the registrar uses them."""

    @pytest.mark.rule("R35")
    def test_old_nonce_is_stale(self, registrar):
        challenged = registrar.send(DESK)
        credentials = registrar.credentials(challenged)
        registrar.endpoint.advance(400)
        answer = registrar.send(DESK, credentials)
        assert answer.status == 401
        assert "stale=true" in answer.first("www-authenticate")
        assert "stale" not in registrar.send(DESK).first("www-authenticate")

    @pytest.mark.rule("R35")
    def test_nonce_of_somebody_else(self, registrar):
        credentials = registrar.credentials(registrar.send(DESK))
        answer = registrar.send(DESK, re.sub('nonce="[0-9a-f]+"', 'nonce="1234"', credentials))
        assert answer.status == 401
        assert "stale" not in answer.first("www-authenticate")
        assert registrar.handler.count["credentials_wrong"] == 0

    @pytest.mark.rule("R35")
    def test_replayed_credentials(self, registrar):
        credentials = registrar.credentials(registrar.send(DESK))
        assert registrar.send(DESK, credentials).status == 200
        assert registrar.send(DESK, credentials).status == 401

    def test_malformed_credentials(self, registrar):
        credentials = registrar.credentials(registrar.send(DESK))
        assert registrar.send(DESK, credentials.replace("nc=00000001", "nc=1")).status == 400

    @pytest.mark.rule("R36")
    def test_other_digest_uri_is_noted_and_accepted(self, registrar, caplog):
        caplog.set_level("INFO", "registrar")
        credentials = registrar.credentials(registrar.send(DESK))
        answer = registrar.send(DESK, credentials, uri="sip:EXAMPLE.org;transport=udp")
        assert answer.status == 200
        assert "is not the Request-URI" in caplog.text


@pytest.mark.threat(12)
class TestThirdParty:
    """10.2, 10.3 step 4: the authenticated user and To decide, not From."""

    @pytest.mark.rule("R06")
    def test_without_a_rule(self, registrar):
        answer = registrar.register(DESK, user="carol", to=f"<{AOR}>")
        assert (answer.status, answer.reason) == (403, "carol may not register for this user")

    @pytest.mark.rule("R06")
    def test_with_a_rule(self, registrar):
        registrar.directory._rules[3, 1] = WALL + 3600
        answer = registrar.register(DESK, user="carol", to=f"<{AOR}>")
        assert answer.status == 200
        assert registrar.location.lookup(AOR, registrar.endpoint.now())[0].registered_by == "sip:carol@example.org"
        assert registrar.events[0][2]["reason"] == "Registered by sip:carol@example.org"
        registrar.endpoint.advance(3600)
        assert registrar.register(DESK, user="carol", to=f"<{AOR}>", call_id="later").status == 403

    @pytest.mark.rule("R06")
    def test_from_does_not_matter(self, registrar):
        from_ = "<sip:carol@example.org>;tag=1"
        assert registrar.register(DESK, from_=from_).status == 200

    @pytest.mark.rule("R03")
    def test_an_unknown_user_cannot_be_told_from_a_forbidden_one(self, registrar):
        nobody = registrar.register(DESK, user="carol", to="<sip:nobody@example.org>")
        bob = registrar.register(DESK, user="carol", to=f"<{AOR}>")
        assert (nobody.status, nobody.reason) == (bob.status, bob.reason)

    def test_removal_needs_the_same_right(self, registrar):
        registrar.register(DESK)
        assert registrar.register("Contact: *", "Expires: 0", user="carol", to=f"<{AOR}>").status == 403
        assert len(registrar.contacts()) == 1


class TestJournal:
    """10.3 step 7: committed, and only then answered."""

    @pytest.mark.rule("R17")
    def test_200_waits_for_the_commit(self, open_registrar):
        open_registrar.journal.is_instant = False
        assert open_registrar.send(DESK) is None
        assert open_registrar.contacts() == []
        open_registrar.journal.finish()
        assert open_registrar.answer().status == 200
        assert len(open_registrar.contacts()) == 1

    @pytest.mark.rule("R17")
    def test_failed_commit_is_a_500_and_puts_everything_back(self, open_registrar):
        open_registrar.send(DESK)
        open_registrar.journal.is_instant = False
        open_registrar.send(MOBILE)
        open_registrar.journal.finish(OSError("disk full"))
        assert open_registrar.answer().status == 500
        assert open_registrar.contacts() == ["sip:bob@192.0.2.20:5062"]
        assert len(open_registrar.events) == 1
        open_registrar.journal.is_instant = True
        assert open_registrar.send().lines("contact") == ["<sip:bob@192.0.2.20:5062>;expires=3600"]

    @pytest.mark.rule("P06")
    def test_the_proxy_hears_of_new_and_changed_bindings_once_they_are_stored(self, open_registrar):
        told = []
        open_registrar.handler.observers.append(lambda binding, event: told.append((binding.contact, event)))
        open_registrar.journal.is_instant = False
        open_registrar.send(DESK)
        assert told == []
        open_registrar.journal.finish()
        open_registrar.send(MOBILE)
        open_registrar.journal.finish(OSError("disk full"))
        assert told == [("sip:bob@192.0.2.20:5062", "registered")]

    @pytest.mark.rule("R28")
    @pytest.mark.rfc("3261", "10.2.7")
    def test_two_in_flight_are_decided_in_order_of_arrival(self, open_registrar):
        open_registrar.journal.is_instant = False
        open_registrar.send(DESK, cseq=1)
        open_registrar.send(MOBILE, source=CAROL, call_id="mobile", cseq=1)
        open_registrar.send(DESK, "Expires: 0", cseq=2)
        open_registrar.journal.finish()
        assert len(open_registrar.answer().lines("contact")) == 1
        open_registrar.journal.finish()
        assert len(open_registrar.answer().lines("contact")) == 2
        open_registrar.journal.finish()
        assert open_registrar.answer().lines("contact") == ["<sip:bob@192.0.2.21>;expires=3600"]
        assert open_registrar.contacts() == ["sip:bob@192.0.2.21"]

    @pytest.mark.rule("R18")
    def test_old_cseq_is_seen_before_the_commit(self, open_registrar):
        open_registrar.journal.is_instant = False
        open_registrar.send(DESK, cseq=6)
        assert open_registrar.send(DESK, cseq=5).status == 500

    @pytest.mark.rule("R19")
    def test_retransmission_during_the_commit_is_absorbed(self, open_registrar):
        open_registrar.journal.is_instant = False
        assert open_registrar.send(DESK, cseq=6, branch="z9hG4bKsame") is None
        assert open_registrar.send(DESK, cseq=6, branch="z9hG4bKsame") is None
        assert len(open_registrar.journal.waiting) == 1
        open_registrar.journal.finish()
        assert open_registrar.answer().status == 200

    def test_a_journal_that_does_not_keep_up(self, open_registrar):
        open_registrar.journal.is_full = True
        answer = open_registrar.send(DESK)
        assert (answer.status, answer.first("retry-after")) == (503, "30")


@pytest.mark.rfc("3261", "10.3")
class TestMulticast:
    """10.2.6, 18.2.2: registrations sent to the group."""

    @pytest.mark.rule("R34")
    def test_challenge_and_200_are_sent(self, registrar):
        assert registrar.register(DESK, multicast=True).status == 200

    @pytest.mark.rule("R34")
    @pytest.mark.parametrize(
        ("fields", "options"),
        [
            (["Require: x"], {}),
            ([DESK], {"to": "<sip:bob@other.example>"}),
            (["Contact: broken"], {}),
            ([DESK], {"uri": "sip:bob@example.org"}),
        ],
    )
    def test_errors_are_not(self, open_registrar, fields, options):
        assert open_registrar.send(*fields, multicast=True, **options) is None
        open_registrar.endpoint.advance(60)
        assert open_registrar.answer() is None
        assert open_registrar.endpoint.transactions == 0

    @pytest.mark.rule("R34")
    def test_too_brief_is_said(self, open_registrar):
        assert open_registrar.send(DESK, "Expires: 5", multicast=True).status == 423


class TestOtherChanges:
    """What else takes bindings away."""

    @pytest.mark.rule("R29")
    def test_sweep(self, open_registrar):
        open_registrar.send(DESK, "Expires: 60")
        open_registrar.endpoint.advance(61)
        assert open_registrar.contacts() == []
        assert open_registrar.handler.sweep(open_registrar.endpoint.now()) == 1
        assert open_registrar.handler.sweep(open_registrar.endpoint.now()) == 0
        assert len(open_registrar.journal.deleted) == 1
        assert open_registrar.events[-1][2]["change"] == "expired"

    def test_remove(self, open_registrar):
        open_registrar.send(DESK)
        binding_id = open_registrar.events[0][1]
        results = []
        assert open_registrar.handler.remove(binding_id, results.append)
        assert results == [None]
        assert open_registrar.contacts() == []
        assert open_registrar.events[-1][2]["reason"] == "Removed by an administrator"
        assert not open_registrar.handler.remove(binding_id, results.append)

    @pytest.mark.rule("R38")
    def test_drop(self, open_registrar):
        open_registrar.send(DESK)
        open_registrar.handler.drop([Dropped(AOR, 1), Dropped("sip:nobody@example.org", 9)])
        assert open_registrar.contacts() == []
        assert len(open_registrar.journal.deleted) == 1
        assert open_registrar.events[-1][2]["change"] == "removed"
        assert open_registrar.send().lines("contact") == []


class TestSwitches:
    """What a domain may be lenient about."""

    @pytest.mark.rule("R01")
    @pytest.mark.rfc("3261", "10.2")
    def test_request_uri_with_a_user(self):
        strict, lenient = Registrar(auth_register=False), Registrar(auth_register=False, user_in_request_uri=True)
        for registrar in (strict, lenient):
            registrar.core.domain_of = lambda uri, registrar=registrar: registrar.directory.domain("example.org")
        contact = "Contact: <sip:bob@192.0.2.20>"
        assert strict.send(contact, uri="sip:bob@example.org").status == 400
        assert lenient.send(contact, uri="sip:alice@example.org").status == 200
        assert lenient.contacts() == ["sip:bob@192.0.2.20"]  # To decides, as always
        assert lenient.handler.count["user_in_request_uri"] == 1

    @pytest.mark.rule("R10")
    @pytest.mark.rfc("3261", "19.1.4")
    def test_user_names_in_capitals(self):
        strict, lenient = Registrar(auth_register=False), Registrar(auth_register=False, ignore_case=True)
        contact, to = "Contact: <sip:bob@192.0.2.20>", "<sip:BOB@example.org>"
        assert strict.send(contact, to=to).status == 404
        assert lenient.send(contact, to=to).status == 200
        assert lenient.contacts() == ["sip:bob@192.0.2.20"]

    @pytest.mark.rule("R18")
    @pytest.mark.rfc("3261", "10.3")
    def test_the_same_cseq_in_a_new_transaction(self, caplog):
        strict, lenient = Registrar(auth_register=False), Registrar(auth_register=False, repeats_allowed=True)
        contact = "Contact: <sip:bob@192.0.2.20>"
        with caplog.at_level("INFO", "registrar"):
            for registrar in (strict, lenient):
                assert registrar.send(contact, cseq=5).status == 200
                registrar.events.clear()
            again = "<sip:bob@example.org>;tag=2"  # with the old tag it is a merged request (R30)
            assert strict.send(contact, cseq=5, from_=again).status == 500
            repeated = lenient.send(contact, cseq=5, from_=again)
        assert repeated.status == 200 and repeated.first("contact").startswith("<sip:bob@192.0.2.20>;expires=")
        assert lenient.events == [] and lenient.handler.count["repeated"] == 1
        assert [line for line in caplog.messages if "R18" in line] == [
            "CSeq is not higher than before (rule R18, Call-ID desk)",
            "The same CSeq again (rule R18, Call-ID desk)",
        ]

    @pytest.mark.rule("R18")
    def test_a_lower_cseq_is_never_taken(self):
        lenient = Registrar(auth_register=False, repeats_allowed=True)
        lenient.send("Contact: <sip:bob@192.0.2.20>", cseq=5)
        assert lenient.send("Contact: <sip:bob@192.0.2.20>;expires=0", cseq=4).status == 500
        assert lenient.contacts() == ["sip:bob@192.0.2.20"]
