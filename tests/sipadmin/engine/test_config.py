"""From the product's settings to what the engine is told."""

import logging

import pytest

from sipadmin.engine import config
from sipadmin.environment import Sipadmin


def make(**environ):
    return config.engine_config(Sipadmin(environ), "key", "1.0")


def test_each_address_has_udp_and_tcp():
    made = make(SIPADMIN_SIP="127.0.0.1:5062,[::1]:5064", SIPADMIN_MULTICAST="", SIPADMIN_ADVERTISE="sip.example:5070")
    assert [(one.protocol, one.host, one.port) for one in made.listen] == [
        ("udp", "127.0.0.1", 5062),
        ("tcp", "127.0.0.1", 5062),
        ("udp", "::1", 5064),
        ("tcp", "::1", 5064),
    ]
    assert {(one.advertised_host, one.advertised_port) for one in made.listen} == {("sip.example", 5070)}


def test_what_is_advertised_for_all_is_a_port_of_udp_and_tcp_alone(tmp_path):
    made = make(
        SIPADMIN_SIP="127.0.0.1:5062,tls:127.0.0.1:5061,wss:127.0.0.1:8443=phone.example:443",
        SIPADMIN_MULTICAST="",
        SIPADMIN_ADVERTISE="sip.example:5070",
        SIPADMIN_DATA=str(tmp_path),
    )
    assert [(one.protocol, one.advertised_host, one.advertised_port) for one in made.listen] == [
        ("udp", "sip.example", 5070),
        ("tcp", "sip.example", 5070),
        ("tls", "sip.example", None),
        ("wss", "phone.example", 443),
    ]


def test_names_become_addresses():
    assert make(SIPADMIN_SIP="localhost:5062").listen[0].host in ("127.0.0.1", "::1")
    with pytest.raises(OSError):
        make(SIPADMIN_SIP="nowhere.invalid:5062")


def test_secrets_differ_and_hold():
    made = make()
    assert made.nonce_secret != made.route_secret
    assert made.nonce_secret == make().nonce_secret


def test_an_interface_that_cannot_join_is_a_warning(caplog):
    with caplog.at_level(logging.WARNING):
        assert config.joinable(["203.0.113.1"]) == []
    assert "203.0.113.1" in caplog.text


def test_name_servers_are_the_systems_unless_named():
    assert list(make(SIPADMIN_MULTICAST="").name_servers) == []
    assert list(make(SIPADMIN_MULTICAST="", SIPADMIN_DNS="192.0.2.53:53").name_servers) == [("192.0.2.53", 53)]
