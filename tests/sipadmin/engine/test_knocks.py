"""Refused REGISTER requests in words."""

from types import SimpleNamespace

import pytest

from sip.message.wire import parse_message
from sipadmin.engine.knocks import Knocks


class Directory:
    def user(self, domain, username):
        return {"alice": SimpleNamespace(is_active=True), "dora": SimpleNamespace(is_active=False)}.get(username)


def transaction(status: bytes = b"401", username: str | None = None, to: str = "<sip:alice@example.org>", **more):
    credentials = "" if username is None else f'Authorization: Digest username="{username}", realm="x"\r\n'
    request = parse_message(
        "REGISTER sip:example.org SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
        f"From: <sip:alice@example.org>;tag=1\r\nTo: {to}\r\nCall-ID: 1\r\nCSeq: 1 REGISTER\r\n"
        f"User-Agent: Desk phone\r\n{credentials}\r\n".encode()
    )
    machine = SimpleNamespace(response=b"SIP/2.0 " + status + b" Reason\r\n\r\n" if status else b"")
    flow = SimpleNamespace(remote=("192.0.2.1", 5060), text="udp:192.0.2.1:5060", is_multicast=False)
    return SimpleNamespace(request=request, machine=machine, flow=SimpleNamespace(**{**vars(flow), **more}))


@pytest.fixture
def heard():
    """What is announced, by calling the builder at once."""
    found = []
    knocks = Knocks(lambda kind, key, build: found.append((kind, key, build())), Directory(), lambda at: at + 1000)

    def watch(knock, domain="ours"):
        knocks.watch(knock, domain, 5.0)
        return found

    return watch


@pytest.mark.parametrize(
    ("knock", "domain", "cause", "words"),
    [
        (transaction(), "ours", "challenged", "asked for its password"),
        (transaction(username="alice"), "ours", "password", "The password for alice is wrong"),
        (transaction(username="alcie"), "ours", "user", "There is no user alcie"),
        (transaction(username="dora"), "ours", "disabled", "dora is disabled"),
        (transaction(b"404"), None, "domain", "sip:example.org, which is no domain"),
        (transaction(b""), None, "domain", "no domain of this server"),
        (transaction(b"403", username="alice"), "ours", "forbidden", "may not register for sip:alice@example.org"),
        (transaction(b"404", to="<tel:1>"), "ours", "user", "no user <tel:1>"),
        (transaction(b"423"), "ours", "expires", "423"),
        (transaction(b"503"), "ours", "storage", "could not store"),
        (transaction(b"420"), "ours", "other", "420"),
    ],
)
def test_it_works(heard, knock, domain, cause, words):
    [(kind, _, facts)] = heard(knock, domain)
    assert kind == "knock"
    assert facts["cause"] == cause
    assert words in facts["sentence"]
    assert (facts["at"], facts["source"], facts["user_agent"]) == (1005.0, "udp:192.0.2.1:5060", "Desk phone")


def test_of_one_source_and_address_the_last_counts(heard):
    heard(transaction())
    (_, one, _), (_, other, _) = heard(transaction(username="alice"))
    assert one == other


@pytest.mark.parametrize("status", [b"", b"100", b"200"])
def test_success_is_no_knock(heard, status):
    assert heard(transaction(status)) == []


def test_nothing_of_a_group(heard):
    assert heard(transaction(is_multicast=True)) == []


@pytest.mark.parametrize(
    ("field", "cause"),
    [('Digest username="alice', "challenged"), ("Digest realm=x", "user"), ("Basic", "user")],
)
def test_odd_credentials(heard, field, cause):
    knock = transaction()
    knock.request.append("Authorization", field)
    assert heard(knock)[0][2]["cause"] == cause


def test_hostile_text_is_printable(heard):
    [(_, _, facts)] = heard(transaction(username="\x1b[2Jeve\u202e"))
    assert facts["sentence"].isprintable()
    assert facts["sentence"].isascii()


def test_a_to_that_is_none(heard):
    [(_, _, facts)] = heard(transaction(b"400", to="<sip:@>"))
    assert facts["aor"] == "<sip:@>"
