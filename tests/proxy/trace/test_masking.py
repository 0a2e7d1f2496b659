"""What is kept of a message: everything but the secrets (threat of traces that leak credentials or bodies)."""

from __future__ import annotations

import pytest

from proxy.trace.masking import kept_message, mask_body, mask_head, mask_parameters

DIGEST = (
    'Digest username="alice", realm="example.org", nonce="n1", uri="sip:bob@example.org", '
    'response="6629fae49393a05397450978507c4ef1", cnonce="0a4f113b", nc=00000001, qop=auth, algorithm=MD5'
)


@pytest.mark.threat(25)
@pytest.mark.rfc("7616", "5.1")
class TestCredentials:
    @pytest.mark.parametrize("name", ["Authorization", "Proxy-Authorization", "proxy-authorization", "AUTHORIZATION "])
    def test_the_digest_goes_and_what_tells_who_asked_stays(self, name):
        masked = mask_head(f"INVITE sip:bob@example.org SIP/2.0\r\nTo: <sip:bob@example.org>\r\n{name}: {DIGEST}")
        assert "6629fae4" not in masked
        assert "0a4f113b" not in masked
        assert 'username="alice", realm="example.org", nonce="n1"' in masked
        assert 'response="***"' in masked
        assert masked.startswith("INVITE sip:bob@example.org SIP/2.0\r\nTo: <sip:bob@example.org>\r\n")

    def test_a_folded_line_is_one_line(self):
        masked = mask_head(
            'A b SIP/2.0\r\nAuthorization: Digest username="a",\r\n\tresponse="dead",\r\n realm="r"\r\nX: y'
        )
        assert "dead" not in masked
        assert masked.endswith("\r\nX: y")

    @pytest.mark.parametrize(
        "value",
        ["Basic YWxpY2U6c2VjcmV0", "Bearer secret", "secret", 'Digest response="secret', "Digest secret",
         'Digest realm="r" secret, response="x"', 'Digest x="secret", realm="r', "DIGEST response=secret"],
    )  # fmt: skip
    def test_what_is_not_understood_is_masked_whole(self, value):
        masked = mask_head(f"A b SIP/2.0\r\nAuthorization: {value}\r\nX: y")
        assert "secret" not in masked
        assert "YWxp" not in masked
        assert masked.endswith("\r\nX: y")

    def test_the_proof_in_the_answer_goes_too(self):
        masked = mask_head('SIP/2.0 200 OK\r\nAuthentication-Info: rspauth="dead", nextnonce="n2", qop=auth')
        assert masked == 'SIP/2.0 200 OK\r\nAuthentication-Info: rspauth="***", nextnonce="n2", qop=auth'

    def test_challenges_stay(self):
        line = 'WWW-Authenticate: Digest realm="example.org", nonce="n1", algorithm=SHA-256'
        assert mask_head(f"SIP/2.0 401 Unauthorized\r\n{line}").endswith(line)

    def test_parameters(self):
        assert mask_parameters('realm="a, b", response=x , nc=1') == 'realm="a, b", response=***, nc=1'
        assert mask_parameters("") == "***"


@pytest.mark.rfc("3261", "19.1.1")
def test_a_password_in_a_uri_is_masked():
    masked = mask_head("INVITE sip:bob:hunter2@example.org SIP/2.0\r\nContact: <sips:a:pw@192.0.2.1:5061;x=y>")
    assert masked == "INVITE sip:bob:***@example.org SIP/2.0\r\nContact: <sips:a:***@192.0.2.1:5061;x=y>"
    assert mask_head("Contact:sip:alice@example.org") == "Contact:sip:alice@example.org"


@pytest.mark.parametrize(
    ("line", "masked"),
    [
        (
            "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19z|2^20|1:4",
            "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:***",
        ),
        ("a=crypto:odd", "a=crypto:odd"),
        ("k=clear:9123123", "k=***"),
        ("a=key-mgmt:mikey AQAFgM0X", "a=key-mgmt:***"),
        ("a=ice-pwd:asd88fgpdd777uzjYhagZg", "a=ice-pwd:***"),
        ("a=fingerprint:sha-256 12:DF", "a=fingerprint:sha-256 12:DF"),
    ],
)
def test_keys_in_a_body(line, masked):
    assert mask_body(f"v=0\r\n{line}\r\nt=0 0\r\n") == f"v=0\r\n{masked}\r\nt=0 0\r\n"
    assert mask_body(f"v=0\n{line}\nt=0 0\n") == f"v=0\n{masked}\nt=0 0\n"


def test_a_message_within_a_body():
    assert "dead" not in mask_body('INVITE x SIP/2.0\r\nAuthorization: Digest response="dead"\r\n')


@pytest.mark.threat(25)
class TestBodies:
    HEAD = b"MESSAGE sip:bob@example.org SIP/2.0\r\nTo: \xff\0"

    def kept(self, content_type, **wanted):
        options = {"with_sdp": False, "with_other_bodies": False, **wanted}
        return kept_message(self.HEAD + b"\r\n\r\nv=0 \xff", content_type, **options)

    def test_only_what_is_wanted(self):
        assert self.kept("application/sdp").has_body is False
        assert self.kept("text/plain", with_sdp=True) == (
            "MESSAGE sip:bob@example.org SIP/2.0\r\nTo: \\xff\\x00\r\n\r\n",
            False,
        )
        assert self.kept("application/sdp", with_sdp=True).text.endswith("\r\n\r\nv=0 \\xff")
        assert self.kept("text/plain", with_sdp=True, with_other_bodies=True).has_body

    def test_a_message_without_end(self):
        assert kept_message(b"INVITE x SIP/2.0\r\nAuth", "", with_sdp=True, with_other_bodies=True).text.endswith(
            "\r\n\r\n"
        )


@pytest.mark.parametrize(
    "hostile",
    ["sip:" * 4000, "sip:a:" * 2500, 'Authorization: Digest a="' * 600, "Authorization: Digest " + "a " * 8000,
     "Authorization: Digest " + "a" * 16000, "a=crypto:" * 1700, "Authorization: Digest " + '\\"' * 8000],
)  # fmt: skip
def test_hostile_text_costs_no_more_than_its_length(hostile):
    mask_head(hostile)
    mask_body(hostile)
