"""The capture file, read by another program's parser."""

from __future__ import annotations

import io

import dpkt
import pytest

from proxy.ladder.pcap import as_pcap, checksum
from tests.proxy.ladder.calls import START, answered_call, message


def packets(messages):
    reader = dpkt.pcap.Reader(io.BytesIO(as_pcap(messages)))
    assert reader.datalink() == 101
    return list(reader)


def test_each_message_is_a_datagram():
    call = answered_call()
    read = packets(call.messages)
    assert [round(at - START, 3) for at, _ in read][:3] == [0.0, 0.001, 0.002]
    found = [dpkt.ip.IP(data) for _, data in read]
    assert [bytes(one.udp.data).decode() for one in found] == [one.text for one in call.messages]
    first, second = found[:2]
    assert (first.src, first.dst) == (bytes([192, 0, 2, 10]), bytes([192, 0, 2, 1]))
    assert (second.src, second.udp.sport, second.udp.dport) == (bytes([192, 0, 2, 1]), 5060, 5060)
    assert first.ttl == 64
    assert dpkt.sip.Request(bytes(first.udp.data)).method == "INVITE"


def test_checksums_are_right():
    for _, data in packets(answered_call().messages):
        packet = dpkt.ip.IP(data)
        assert checksum(data[:20]) == 0
        mine, packet.udp.sum, packet.sum = packet.udp.sum, 0, 0
        assert dpkt.ip.IP(bytes(packet)).udp.sum == mine  # dpkt computes what is zero


def test_ipv6_and_streams():
    [(_, data)] = packets(
        [message(1, True, "[2001:db8::9]:40000", "INVITE x SIP/2.0", local="[2001:db8::1]:5061", transport="tls")]
    )
    packet = dpkt.ip6.IP6(data)
    assert packet.src.hex() == "20010db8000000000000000000000009"
    assert (packet.data.sport, packet.data.dport) == (40000, 5061)
    assert packet.data.data.startswith(b"INVITE")


@pytest.mark.parametrize("remote", ["odd", "[fe80::1%eth0]:5060", "192.0.2.9:x", ""])
def test_odd_addresses_do_no_harm(remote):
    assert len(packets([message(1, True, remote, "INVITE x SIP/2.0")])) == 1


def test_a_message_longer_than_a_packet_is_cut():
    [(_, data)] = packets([message(1, True, "192.0.2.9:5060", "INVITE x SIP/2.0", body="x" * 70_000)])
    assert len(data) == 65_028
