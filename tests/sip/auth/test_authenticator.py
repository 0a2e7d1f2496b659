"""Challenge and check: §22, RFC 7616, RFC 8760."""

import re

import pytest

from sip.auth.authenticator import Authenticator
from sip.auth.digest import ha1, response
from sip.auth.nonce import NonceFactory
from sip.message.fields import parse_credentials
from sip.message.messages import new_request

NOW = 1_700_000_000.0
REALM = "example.org"
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
class TestChallenge:
    """22.1 Framework."""

    @pytest.mark.rule("R35")
    def test_qop_is_quoted_and_algorithm_and_stale_are_not(self, authenticator):
        fields = authenticator.challenge_fields(REALM, "www", NOW, stale=True)
        assert [re.sub(r'nonce="[0-9a-f]{52}"', "N", value) for _, value in fields] == [
            'Digest realm="example.org", N, qop="auth", algorithm=MD5, stale=true',
            'Digest realm="example.org", N, qop="auth", algorithm=SHA-256, stale=true',
        ]

    @pytest.mark.rule("R37")
    def test_order_of_algorithms_is_a_parameter_and_all_share_one_nonce(self):
        nonces = NonceFactory(b"a secret of this server alone")
        authenticator = Authenticator(nonces, algorithms=("SHA-512-256", "SHA-256", "MD5"))
        params = [parse_credentials(v).params for _, v in authenticator.challenge_fields(REALM, "www", NOW)]
        assert [p["algorithm"] for p in params] == ["SHA-512-256", "SHA-256", "MD5"]
        assert len({p["nonce"] for p in params}) == 1

    def test_a_phone_that_gives_up_at_an_unknown_algorithm_gets_md5_alone(self, authenticator):
        fields = authenticator.challenge_fields(REALM, "www", NOW, user_agent="baresip v1.0.0 (x86_64/linux)")
        assert len(fields) == 1
        assert fields[0][1].endswith("algorithm=MD5")

    @pytest.mark.rule("R05")
    def test_proxy_challenge(self, authenticator):
        assert authenticator.challenge_fields(REALM, "proxy", NOW)[0][0] == "Proxy-Authenticate"

    @pytest.mark.rule("R35")
    def test_empty_realm_is_refused(self, authenticator):
        with pytest.raises(ValueError, match="realm"):
            authenticator.challenge_fields("", "www", NOW)

    def test_unknown_algorithm_is_refused_at_start(self):
        with pytest.raises(ValueError, match="MD4"):
            Authenticator(NonceFactory(b"a secret of this server alone"), algorithms=("MD4",))


@pytest.mark.rfc("3261", "22.4")
class TestCheck:
    """22.4 The Digest Authentication Scheme."""

    def outcome(self, authenticator, *credentials, now=NOW, **options):
        return authenticator.check(register(*credentials, **options), "www", REALM, ha1_for, now).outcome

    @pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
    def test_right_answer(self, authenticator, algorithm):
        nonce = challenge(authenticator)["nonce"]
        result = authenticator.check(register(answer(nonce, algorithm=algorithm)), "www", REALM, ha1_for, NOW)
        assert (result.outcome, result.username, result.algorithm) == ("ok", "bob", algorithm)

    def test_nothing_there(self, authenticator):
        assert self.outcome(authenticator) == "missing"

    @pytest.mark.parametrize("changes", [{"password": "guess"}, {"username": "nobody", "password": "guess"}])
    def test_wrong_password_and_unknown_user_look_the_same(self, authenticator, changes):
        assert self.outcome(authenticator, answer(challenge(authenticator)["nonce"], **changes)) == "wrong"

    def test_unknown_user_does_not_get_in_with_the_stand_in(self, authenticator):
        nonce = challenge(authenticator)["nonce"]
        digest = response("MD5", "0" * 32, "REGISTER", "sip:example.org", nonce)
        line = f'Digest username="no", realm="{REALM}", nonce="{nonce}", uri="sip:example.org", response="{digest}"'
        assert self.outcome(authenticator, line) == "wrong"

    @pytest.mark.rule("R35")
    def test_stale_only_when_the_digest_is_right(self, authenticator):
        nonce = challenge(authenticator)["nonce"]
        assert self.outcome(authenticator, answer(nonce), now=NOW + 400) == "stale"
        assert self.outcome(authenticator, answer(nonce, password="guess"), now=NOW + 400) == "wrong"

    @pytest.mark.rule("R35")
    def test_foreign_nonce_is_challenged_and_held_against_nobody(self, authenticator):
        assert self.outcome(authenticator, answer("made up", password="guess")) == "missing"

    @pytest.mark.rule("R35")
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

    def test_algorithm_that_was_not_offered_is_not_accepted(self, authenticator):
        nonce = challenge(authenticator)["nonce"]
        assert self.outcome(authenticator, answer(nonce, algorithm="SHA-512-256")) == "missing"
        assert self.outcome(authenticator, answer(nonce).replace("Digest ", "Digest algorithm=MD4, ")) == "missing"

    def test_credentials_of_another_method_are_wrong(self, authenticator):
        nonce = challenge(authenticator)["nonce"]
        assert self.outcome(authenticator, answer(nonce, method="INVITE")) == "wrong"

    @pytest.mark.rule("R36")
    def test_another_uri_is_the_callers_to_judge(self, authenticator):
        line = answer(challenge(authenticator)["nonce"], uri="sip:edge.example.net:5070")
        result = authenticator.check(register(line), "www", REALM, ha1_for, NOW)
        assert (result.outcome, result.uri) == ("ok", "sip:edge.example.net:5070")

    def test_only_our_realm_counts_among_several(self, authenticator):
        nonce = challenge(authenticator)["nonce"]
        other = answer("xyz", realm="other.example")
        assert self.outcome(authenticator, other) == "missing"
        assert self.outcome(authenticator, "Basic Ym9iOnNlY3JldA==", other, answer(nonce)) == "ok"

    def test_any_of_several_algorithms_of_one_realm_will_do(self, authenticator):
        nonce = challenge(authenticator)["nonce"]
        lines = [answer(nonce, algorithm="SHA-512-256"), answer(nonce, algorithm="SHA-256")]
        assert self.outcome(authenticator, *lines) == "ok"

    @pytest.mark.rule("R05")
    def test_each_kind_reads_its_own_header_field(self, authenticator):
        line = answer(challenge(authenticator)["nonce"])
        assert self.outcome(authenticator, line, kind="Proxy-Authorization") == "missing"
        request = register(line, kind="Proxy-Authorization")
        assert authenticator.check(request, "proxy", REALM, ha1_for, NOW).outcome == "ok"
