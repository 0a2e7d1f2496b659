"""STUN on the SIP port: what a phone's keep-alive needs and nothing else (RFC 5626 §4.4.2, RFC 5389 §6, §7.3)."""

from __future__ import annotations

import ipaddress
import struct

_HEADER = struct.Struct("!HHI12s")  # type, length of the attributes, magic cookie, transaction id
_COOKIE = 0x2112A442
_BINDING_REQUEST, _BINDING_SUCCESS, _BINDING_ERROR = 0x0001, 0x0101, 0x0111
_ERROR_CODE, _UNKNOWN_ATTRIBUTES, _XOR_MAPPED_ADDRESS = 0x0009, 0x000A, 0x0020
_COMPREHENSION_OPTIONAL = 0x8000
# Of RFC 5389 §18.2: known, and of no use to who answers everybody.
_KNOWN = frozenset({0x0001, 0x0006, 0x0008, 0x0009, 0x000A, 0x0014, 0x0015, 0x0020})
MAX_UNKNOWN = 8  # listed in an answer; the answer stays shorter than what it answers


def stun_answer(data: bytes, remote: tuple[str, int]) -> bytes | None:
    """Answer to a binding request that came from ``remote`` (numeric host, port); None for anything else.

    It says where the request came from, so that a phone behind NAT notices when its mapping has changed.
    """
    if len(data) < _HEADER.size:
        return None
    kind, length, cookie, transaction = _HEADER.unpack_from(data)
    if kind != _BINDING_REQUEST or cookie != _COOKIE or length != len(data) - _HEADER.size or length % 4:
        return None
    unknown = _unknown_attributes(data)
    if unknown is None:
        return None
    if unknown:
        listed = struct.pack(f"!{len(unknown)}H", *unknown)
        attributes = _attribute(_ERROR_CODE, b"\0\0\4\24") + _attribute(_UNKNOWN_ATTRIBUTES, listed)  # 420
        return _HEADER.pack(_BINDING_ERROR, len(attributes), _COOKIE, transaction) + attributes
    address = ipaddress.ip_address(remote[0].partition("%")[0])
    mask = struct.pack("!I", _COOKIE) + transaction
    hidden = bytes(one ^ other for one, other in zip(address.packed, mask, strict=False))
    value = struct.pack("!BBH", 0, 1 if address.version == 4 else 2, remote[1] ^ (_COOKIE >> 16)) + hidden
    attributes = _attribute(_XOR_MAPPED_ADDRESS, value)
    return _HEADER.pack(_BINDING_SUCCESS, len(attributes), _COOKIE, transaction) + attributes


def _unknown_attributes(data: bytes) -> list[int] | None:
    """Attributes that have to be understood and are not (RFC 5389 §7.3.1); None when they are cut off."""
    unknown: list[int] = []
    position = _HEADER.size
    while position < len(data):
        kind, length = struct.unpack_from("!HH", data, position)
        position += 4 + length + -length % 4
        if kind < _COMPREHENSION_OPTIONAL and kind not in _KNOWN and len(unknown) < MAX_UNKNOWN:
            unknown.append(kind)
    return unknown if position == len(data) else None


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)
