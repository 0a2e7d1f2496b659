"""Challenge and check: §22, RFC 7616, RFC 8760."""

import re

import pytest

from sip.auth.authenticator import STRONGEST_FIRST, Authenticator, Failure
from sip.auth.digest import ha1, response
from sip.auth.nonce import NonceFactory
from sip.message.fields import parse_credentials
from sip.message.messages import new_request
from sip.transport.flow import Flow

NOW = 1_700_000_000.0
REALM = "example.org"
ALICE, MALLORY = "192.0.2.10", "198.51.100.66"
FLOW = Flow("udp", ("192.0.2.1", 5060), (ALICE, 5060))
USERS = {"bob": "secret", 'b"ob': "secret", "Bobß": "secret"}


def ha1_for(username, algorithm):
    return ha1(algorithm, username, REALM, USERS[username]) if username in USERS else None


@pytest.fixture
def authenticator():
    return Authenticator(NonceFactory(b"a secret of this server alone"))


def challenge(authenticator, now=NOW, **options):
    name, value = authenticator.challenge_fields(REALM, "www", now, **options)[0]
    assert name == "WWW-Authenticate"
    return parse_credentials(value).params


def register(*credentials, kind="Authorization", method="REGISTER"):
    request = new_request(
        method, "sip:example.org", from_="<sip:bob@example.org>;tag=1", to="<sip:bob@example.org>", call_id="1", cseq=1
    )
    for line in credentials:
        request.append(kind, line)
    return request


def answer(nonce, username="bob", password="secret", *, nc="00000001", algorithm="MD5", realm=REALM, **changes):
    values = {"uri": "sip:example.org", "method": "REGISTER", "cnonce": "c1", "qop": "auth"} | changes
    known = ha1(algorithm, username, realm, password)
    digest = response(algorithm, known, values["method"], values["uri"], nonce, values["qop"], nc, values["cnonce"])
    quoted = username.replace('"', '\\"')
    line = f'Digest username="{quoted}", realm="{realm}", nonce="{nonce}", uri="{values["uri"]}", response="{digest}"'
    if algorithm != "MD5":
        line += f", algorithm={algorithm}"
    return line + (f', qop=auth, nc={nc}, cnonce="{values["cnonce"]}"' if values["qop"] else "")


@pytest.mark.rfc("3261", "22.1")
@pytest.mark.rfc("7616", "3.3")
class TestChallenge:
    """22.1 Framework."""

    @pytest.mark.rule("R35")
    def test_qop_is_quoted_and_algorithm_and_stale_are_not(self, authenticator):
        fields = authenticator.challenge_fields(REALM, "www", NOW, stale=True)
        assert [re.sub(r'nonce="[0-9a-f]{68}"', "N", value) for _, value in fields] == [
            'Digest realm="example.org", N, qop="auth", algorithm=SHA-256, stale=true',
            'Digest realm="example.org", N, qop="auth", algorithm=SHA-512-256, stale=true',
            'Digest realm="example.org", N, qop="auth", algorithm=MD5, stale=true',
        ]

    @pytest.mark.rule("R37")
    @pytest.mark.rfc("8760", "2.3")
    @pytest.mark.threat(4)
    def test_the_strongest_comes_first_and_all_share_one_nonce(self, authenticator):
        params = [parse_credentials(v).params for _, v in authenticator.challenge_fields(REALM, "www", NOW)]
        assert [p["algorithm"] for p in params] == ["SHA-256", "SHA-512-256", "MD5"]
        assert len({p["nonce"] for p in params}) == 1

    def test_order_and_choice_of_algorithms_are_the_callers(self, authenticator):
        fields = authenticator.challenge_fields(REALM, "www", NOW, offer=("MD5", "SHA-256"))
        assert [value.rpartition("=")[2] for _, value in fields] == ["MD5", "SHA-256"]

    @pytest.mark.parametrize("agent", ["baresip v1.0.0 (x86_64/linux)", "sipsak 0.9.8.1", "JsSIP 3.10.1"])
    def test_a_phone_that_gives_up_at_an_unknown_algorithm_gets_md5_alone(self, authenticator, agent):
        fields = authenticator.challenge_fields(REALM, "www", NOW, user_agent=agent)
        assert [value.rpartition("=")[2] for _, value in fields] == ["MD5"]

    def test_but_never_where_md5_is_not_offered(self, authenticator):
        offer = ("SHA-256", "SHA-512-256")
        fields = authenticator.challenge_fields(REALM, "www", NOW, user_agent="sipsak 0.9.8.1", offer=offer)
        assert [value.rpartition("=")[2] for _, value in fields] == ["SHA-256", "SHA-512-256"]

    @pytest.mark.rule("R35")
    def test_auth_int_is_not_offered(self, authenticator):
        assert challenge(authenticator)["qop"] == "auth"

    @pytest.mark.rule("R05")
    def test_proxy_challenge(self, authenticator):
        assert authenticator.challenge_fields(REALM, "proxy", NOW)[0][0] == "Proxy-Authenticate"

    @pytest.mark.rule("R35")
    def test_empty_realm_is_refused(self, authenticator):
        with pytest.raises(ValueError, match="realm"):
            authenticator.challenge_fields("", "www", NOW)


@pytest.mark.rfc("3261", "22.4")
@pytest.mark.rfc("7616", "3.4")
class TestCheck:
    """22.4 The Digest Authentication Scheme."""

    def outcome(self, authenticator, *credentials, now=NOW, offer=STRONGEST_FIRST, **options):
        return authenticator.check(register(*credentials, **options), "www", REALM, ha1_for, now, FLOW, offer).outcome

    @pytest.mark.rule("R37")
    @pytest.mark.parametrize("algorithm", ["MD5", "SHA-256", "SHA-512-256"])
    def test_right_answer(self, authenticator, algorithm):
        nonce = challenge(authenticator)["nonce"]
        result = authenticator.check(register(answer(nonce, algorithm=algorithm)), "www", REALM, ha1_for, NOW, FLOW)
        assert (result.outcome, result.username, result.algorithm) == ("ok", "bob", algorithm)

    def test_nothing_there(self, authenticator):
        assert self.outcome(authenticator) == "missing"

    @pytest.mark.parametrize("changes", [{"password": "guess"}, {"username": "nobody", "password": "guess"}])
    def test_wrong_password_and_unknown_user_look_the_same(self, authenticator, changes):
        assert self.outcome(authenticator, answer(challenge(authenticator)["nonce"], **changes)) == "wrong"

    @pytest.mark.threat(5)
    def test_an_unknown_user_costs_as_many_digests_as_a_known_one(self, authenticator, monkeypatch):
        hashed = []

        def counting(algorithm, *values):
            hashed.append(algorithm)
            return response(algorithm, *values)

        monkeypatch.setattr("sip.auth.authenticator.response", counting)
        for username in ("bob", "nobody"):
            self.outcome(authenticator, answer(challenge(authenticator)["nonce"], username, "guess"))
        assert hashed == ["MD5", "MD5"]

    def test_unknown_user_does_not_get_in_with_the_stand_in(self, authenticator):
        nonce = challenge(authenticator)["nonce"]
        digest = response("MD5", "0" * 32, "REGISTER", "sip:example.org", nonce)
        line = f'Digest username="no", realm="{REALM}", nonce="{nonce}", uri="sip:example.org", response="{digest}"'
        assert self.outcome(authenticator, line) == "wrong"

    @pytest.mark.rule("R35")
    @pytest.mark.threat(2)
    def test_stale_only_when_the_digest_is_right(self, authenticator):
        nonce = challenge(authenticator)["nonce"]
        assert self.outcome(authenticator, answer(nonce), now=NOW + 400) == "stale"
        assert self.outcome(authenticator, answer(nonce, password="guess"), now=NOW + 400) == "wrong"

    @pytest.mark.rule("R35")
    def test_foreign_nonce_is_challenged_and_held_against_nobody(self, authenticator):
        assert self.outcome(authenticator, answer("made up", password="guess")) == "missing"

    @pytest.mark.rule("R35")
    @pytest.mark.threat(2)
    def test_replay_is_stale(self, authenticator):
        line = answer(challenge(authenticator)["nonce"])
        assert [self.outcome(authenticator, line) for _ in range(2)] == ["ok", "stale"]

    @pytest.mark.rule("R35")
    def test_nonce_is_good_for_several_requests_as_nc_grows(self, authenticator):
        nonce = challenge(authenticator)["nonce"]
        lines = [answer(nonce, nc=f"{count:08x}") for count in range(1, 4)]
        assert [self.outcome(authenticator, line) for line in lines] == ["ok", "ok", "ok"]

    def test_wrong_answers_do_not_use_up_counts(self, authenticator):
        nonce = challenge(authenticator)["nonce"]
        assert self.outcome(authenticator, answer(nonce, password="guess")) == "wrong"
        assert self.outcome(authenticator, answer(nonce)) == "ok"

    @pytest.mark.threat(2)
    def test_without_qop_a_nonce_is_good_once(self, authenticator):
        line = answer(challenge(authenticator)["nonce"], qop="")
        assert [self.outcome(authenticator, line) for _ in range(2)] == ["ok", "stale"]

    @pytest.mark.rule("R35")
    @pytest.mark.parametrize("username", ['b"ob', "Bobß"])
    def test_escaped_quotes_and_other_scripts_in_the_user_name(self, authenticator, username):
        assert self.outcome(authenticator, answer(challenge(authenticator)["nonce"], username)) == "ok"

    def test_quoted_qop_and_capital_hex_are_tolerated(self, authenticator):
        line = answer(challenge(authenticator)["nonce"]).replace("qop=auth", 'qop="auth"')
        line = re.sub(r'response="([0-9a-f]+)"', lambda found: f'response="{found[1].upper()}"', line)
        assert self.outcome(authenticator, line) == "ok"

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("nc=00000001", "nc=1"),
            ("nc=00000001", "nc=0000000g"),
            ("qop=auth,", "qop=auth-int,"),
            (', cnonce="c1"', ""),
            ('uri="sip:example.org", ', ""),
            ('username="bob", ', ""),
            ("nc=00000001", "nc"),
        ],
    )
    @pytest.mark.rule("R35")
    def test_malformed(self, authenticator, old, new):
        line = answer(challenge(authenticator)["nonce"])
        assert old in line
        assert self.outcome(authenticator, line.replace(old, new)) == "malformed"

    @pytest.mark.rule("R37")
    @pytest.mark.threat(4)
    def test_algorithm_that_was_not_offered_is_not_accepted(self, authenticator):
        nonce = challenge(authenticator)["nonce"]
        assert self.outcome(authenticator, answer(nonce), offer=("SHA-256", "SHA-512-256")) == "missing"
        unnamed = re.sub(", algorithm=[^,]+", "", answer(nonce, algorithm="SHA-256"))
        assert self.outcome(authenticator, unnamed, offer=("SHA-256", "SHA-512-256")) == "missing"
        assert self.outcome(authenticator, answer(nonce).replace("Digest ", "Digest algorithm=MD4, ")) == "missing"

    @pytest.mark.threat(3)
    def test_nonce_of_another_realm_is_challenged_and_held_against_nobody(self, authenticator):
        other = parse_credentials(authenticator.challenge_fields("other.example", "www", NOW)[0][1]).params["nonce"]
        assert self.outcome(authenticator, answer(other)) == "missing"

    @pytest.mark.threat(3)
    def test_credentials_of_another_method_are_wrong(self, authenticator):
        nonce = challenge(authenticator)["nonce"]
        assert self.outcome(authenticator, answer(nonce, method="INVITE")) == "wrong"

    @pytest.mark.rule("R36")
    def test_another_uri_is_the_callers_to_judge(self, authenticator):
        line = answer(challenge(authenticator)["nonce"], uri="sip:edge.example.net:5070")
        result = authenticator.check(register(line), "www", REALM, ha1_for, NOW, FLOW)
        assert (result.outcome, result.uri) == ("ok", "sip:edge.example.net:5070")

    def test_only_our_realm_counts_among_several(self, authenticator):
        nonce = challenge(authenticator)["nonce"]
        other = answer("xyz", realm="other.example")
        assert self.outcome(authenticator, other) == "missing"
        assert self.outcome(authenticator, "Basic Ym9iOnNlY3JldA==", other, answer(nonce)) == "ok"

    def test_any_of_several_algorithms_of_one_realm_will_do(self, authenticator):
        nonce = challenge(authenticator)["nonce"]
        lines = [answer(nonce, algorithm="SHA-512-256"), answer(nonce, algorithm="SHA-256")]
        assert self.outcome(authenticator, *lines, offer=("SHA-256",)) == "ok"

    @pytest.mark.rule("R05")
    def test_each_kind_reads_its_own_header_field(self, authenticator):
        line = answer(challenge(authenticator)["nonce"])
        assert self.outcome(authenticator, line, kind="Proxy-Authorization") == "missing"
        request = register(line, kind="Proxy-Authorization")
        assert authenticator.check(request, "proxy", REALM, ha1_for, NOW, FLOW).outcome == "ok"


class Counter:
    """A watch that locks out who is in ``locked``."""

    def __init__(self):
        self.right = []
        self.wrong = []
        self.locked = set()

    def is_locked(self, source, realm, username, now_wall):
        return (source, realm, username) in self.locked

    def succeeded(self, source, realm, username, now_wall):
        self.right.append((source, realm, username))

    def failed(self, failure, now_wall):
        self.wrong.append(failure)


@pytest.mark.threat(6)
@pytest.mark.threat(7)
class TestWatch:
    """What is told to whoever counts passwords (threats 6 and 7)."""

    @pytest.fixture
    def watch(self):
        return Counter()

    @pytest.fixture
    def authenticator(self, watch):
        return Authenticator(NonceFactory(b"a secret of this server alone"), watch=watch)

    def try_(self, authenticator, line, *, source=ALICE, protocol="udp", now=NOW):
        flow = Flow(protocol, ("192.0.2.1", 5060), (source, 5060))
        return authenticator.check(register(line), "www", REALM, ha1_for, now, flow).outcome

    def test_right_and_wrong_passwords(self, authenticator, watch):
        nonce = challenge(authenticator, source=ALICE)["nonce"]
        self.try_(authenticator, answer(nonce))
        self.try_(authenticator, answer(nonce, password="guess"))
        self.try_(authenticator, answer(nonce, "nobody", password="guess"))
        assert watch.right == [(ALICE, REALM, "bob")]
        assert watch.wrong == [
            Failure(ALICE, REALM, "bob", is_known_user=True, is_proven=True),
            Failure(ALICE, REALM, "nobody", is_known_user=False, is_proven=True),
        ]

    def test_a_nonce_made_for_somebody_else_proves_nothing(self, authenticator, watch):
        nonce = challenge(authenticator, source=MALLORY)["nonce"]
        self.try_(authenticator, answer(nonce, password="guess"), source=ALICE)
        self.try_(authenticator, answer(nonce, password="guess"), source=ALICE, protocol="tcp")
        assert [failure.is_proven for failure in watch.wrong] == [False, True]

    def test_missing_foreign_replayed_and_stale_are_no_attempts(self, authenticator, watch):
        line = answer(challenge(authenticator, source=ALICE)["nonce"])
        assert self.try_(authenticator, line) == "ok"
        watch.right.clear()
        assert self.try_(authenticator, line) == "stale"
        assert self.try_(authenticator, line, now=NOW + 1000) == "stale"
        assert self.try_(authenticator, answer("made up", password="guess")) == "missing"
        assert watch.right == watch.wrong == []

    def test_who_is_locked_out_learns_nothing_from_the_right_password(self, authenticator, watch):
        watch.locked.add((ALICE, REALM, "bob"))
        nonce = challenge(authenticator, source=ALICE)["nonce"]
        assert self.try_(authenticator, answer(nonce)) == "wrong"
        assert watch.wrong == [Failure(ALICE, REALM, "bob", is_known_user=True, is_proven=True, is_locked=True)]
        assert watch.right == []
        assert self.try_(authenticator, answer(nonce), source=MALLORY) == "ok"

    def test_nor_is_it_held_against_him_what_comes_with_the_nonce_of_another(self, authenticator, watch):
        watch.locked.add((ALICE, REALM, "bob"))
        nonce = challenge(authenticator, source=MALLORY)["nonce"]
        assert self.try_(authenticator, answer(nonce, password="guess"), source=ALICE) == "wrong"
        assert [(failure.is_locked, failure.is_proven) for failure in watch.wrong] == [(True, False)]
