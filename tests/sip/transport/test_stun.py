"""STUN keep-alives on the SIP port, against answers put together by hand and the samples' form of RFC 5769."""

from __future__ import annotations

import struct

import pytest

from sip.transport.stun import MAX_UNKNOWN, stun_answer

pytestmark = pytest.mark.rfc("5626", "4.4.2")

TRANSACTION = bytes.fromhex("b7e7a701bc34d686fa87dfae")
HEADER = "0001{length:04x}2112a442" + TRANSACTION.hex()


def request(attributes: bytes = b"", **parts: object) -> bytes:
    return bytes.fromhex(HEADER.format(length=len(attributes), **parts)) + attributes


def test_ipv4() -> None:
    # RFC 5769 §2.2 has the same transaction id, address and port.
    assert stun_answer(request(), ("192.0.2.1", 32853)) == bytes.fromhex(
        "0101000c2112a442" + TRANSACTION.hex() + "002000080001a147e112a643"
    )


def test_ipv6() -> None:
    # RFC 5769 §2.3
    assert stun_answer(request(), ("2001:db8:1234:5678:11:2233:4455:6677%eth0", 32853)) == bytes.fromhex(
        "010100182112a442" + TRANSACTION.hex() + "002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9"
    )


def test_attributes_that_need_no_understanding_are_passed_over() -> None:
    software = bytes.fromhex("80220005") + b"phone\0\0\0"
    username = bytes.fromhex("00060003") + b"abc\0"
    answer = stun_answer(request(software + username), ("192.0.2.1", 32853))
    assert answer is not None and answer.startswith(b"\x01\x01")


def test_attributes_that_need_it_are_named() -> None:
    change_request = bytes.fromhex("0003000400000006")  # RFC 3489: answer from another address, please
    assert stun_answer(request(change_request), ("192.0.2.1", 32853)) == bytes.fromhex(
        "011100102112a442" + TRANSACTION.hex() + "0009000400000414" + "000a000200030000"
    )


def test_never_longer_than_it_needs_to_be() -> None:
    many = b"".join(struct.pack("!HH", 0x1000 + number, 0) for number in range(300))
    answer = stun_answer(request(many), ("192.0.2.1", 1))
    assert answer is not None and len(answer) == 20 + 8 + 4 + 2 * MAX_UNKNOWN


@pytest.mark.parametrize(
    "data",
    [
        b"",
        request()[:19],
        request() + b"x",
        request() + bytes(4),
        request().replace(b"\x21\x12\xa4\x42", b"\0\0\0\0"),  # RFC 3489
        b"\x01\x01" + request()[2:],  # an answer: never answered
        b"\x00\x11" + request()[2:],  # an indication
        b"\x00\x03" + request()[2:],  # TURN
        request(b"\x80\x22\x00\x09" + bytes(4)),  # cut off
        request(b"\x80\x22\xff\xff"),
    ],
)
def test_anything_else_is_not_answered(data: bytes) -> None:
    assert stun_answer(data, ("192.0.2.1", 32853)) is None
