"""Settings from the environment and from flags."""

import os
import stat
from ipaddress import ip_network

import pytest

from sipadmin import addresses, environment
from sipadmin.addresses import BadSetting, HostPort, SipAddress
from sipadmin.environment import Sipadmin


class TestHostPort:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("127.0.0.1:5060", HostPort("127.0.0.1", 5060)),
            ("[::1]:5060", HostPort("::1", 5060)),
            ("sip.example.org:1", HostPort("sip.example.org", 1)),
            (" 0.0.0.0:65535 ", HostPort("0.0.0.0", 65535)),
        ],
    )
    def test_it_works(self, text, expected):
        address = environment.parse_host_port(text, "X")
        assert address == expected
        assert environment.parse_host_port(str(address), "X") == expected

    @pytest.mark.parametrize(
        "text",
        ["", "5060", ":5060", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:x", "::1:5060",
         "[::1]", "[::x]:5060", "[]:5060", "a b:5060", "127.0.0.1:-1", "127.0.0.1:５060", "host/:5060"],
    )  # fmt: skip
    def test_says_what_is_wrong(self, text):
        with pytest.raises(BadSetting, match=r"^SIPADMIN_SIP: "):
            environment.parse_host_port(text, "SIPADMIN_SIP")

    def test_ipv6_without_brackets_is_told_about_them(self):
        with pytest.raises(BadSetting, match=r"\[::1\]:5060"):
            environment.parse_host_port("::1:5060", "X")

    def test_loopback(self):
        assert HostPort("127.3.0.1", 1).is_loopback
        assert HostPort("localhost", 1).is_loopback
        assert not HostPort("192.0.2.1", 1).is_loopback
        assert not HostPort("example.org", 1).is_loopback


class TestSipadmin:
    def test_defaults(self):
        own = Sipadmin({})
        assert str(own.http) == "127.0.0.1:8000"
        assert [str(address) for address in own.sip] == ["udp, tcp 127.0.0.1:5060"]
        assert own.tls_certificates == [] and own.ws_origins is None and own.relay_names == set()
        assert own.data == environment.BASE_DIR / "var"
        assert own.multicast == ["127.0.0.1"]
        assert own.journal == "durable"
        assert own.trusted == []
        assert (own.rate, own.operators_act) == (None, False)
        assert own.advertise is None

    def test_everything_set(self):
        own = Sipadmin(
            {
                "SIPADMIN_HTTP": "[::1]:80",
                "SIPADMIN_SIP": "127.0.0.1:5062, [::1]:5062, tls:127.0.0.1:5061=sip.example.org:443",
                "SIPADMIN_DATA": "/srv/x",
                "SIPADMIN_TRUSTED": "192.0.2.1/24,2001:db8::/32",
                "SIPADMIN_MULTICAST": "",
                "SIPADMIN_JOURNAL": "fast",
                "SIPADMIN_ADVERTISE": "sip.example.org:5070",
                "SIPADMIN_DNS": "192.0.2.53:53, [::1]:5353",
                "SIPADMIN_RATE": "0",
                "SIPADMIN_OPERATORS_ACT": "1",
            }
        )
        assert (own.rate, own.operators_act) == (0, True)
        assert own.dns == [HostPort("192.0.2.53", 53), HostPort("::1", 5353)]
        assert own.sip == [
            SipAddress(("udp", "tcp"), HostPort("127.0.0.1", 5062)),
            SipAddress(("udp", "tcp"), HostPort("::1", 5062)),
            SipAddress(("tls",), HostPort("127.0.0.1", 5061), HostPort("sip.example.org", 443)),
        ]
        assert own.trusted == [ip_network("192.0.2.0/24"), ip_network("2001:db8::/32")]
        assert own.multicast == []
        assert own.advertise == HostPort("sip.example.org", 5070)

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("SIPADMIN_HTTP", "8000"),
            ("SIPADMIN_SIP", "127.0.0.1:5060,127.0.0.1:5060"),
            ("SIPADMIN_SIP", "127.0.0.1:5060,tcp:127.0.0.1:5060"),
            ("SIPADMIN_SIP", "tls:127.0.0.1:5061,wss:127.0.0.1:5061"),
            ("SIPADMIN_TLS_CERTIFICATES", "/nowhere/chain.pem:/nowhere/key.pem"),
            ("SIPADMIN_TLS_CLIENT_CA", "/nowhere/ca.pem"),
            ("SIPADMIN_TLS_SERVER_CA", "/nowhere/ca.pem"),
            ("SIPADMIN_RELAY_FROM", "tls:trunk.example"),
            ("SIPADMIN_WS_ORIGINS", "phone.example.org"),
            ("SIPADMIN_WS_ORIGINS", "https://phone.example.org/"),
            ("SIPADMIN_TRUSTED", "192.0.2.0/33"),
            ("SIPADMIN_RELAY_FROM", "somewhere"),
            ("SIPADMIN_RELAY_FROM", "udp:somewhere"),
            ("SIPADMIN_MULTICAST", "eth0"),
            ("SIPADMIN_JOURNAL", "slow"),
            ("SIPADMIN_ADVERTISE", "sip.example.org"),
            ("SIPADMIN_DNS", "192.0.2.53"),
            ("SIPADMIN_RATE", "many"),
            ("SIPADMIN_DNS", "dns.example.org:53"),
        ],
    )
    def test_refusals_name_the_setting(self, name, value):
        with pytest.raises(BadSetting, match=name):
            Sipadmin({name: value})

    def test_multicast_on_the_ipv4_listeners(self):
        own = Sipadmin({"SIPADMIN_SIP": "127.0.0.1:5062,127.0.0.1:5064,[::1]:5062", "SIPADMIN_MULTICAST": "default"})
        assert own.multicast == ["127.0.0.1"]

    def test_multicast_on_every_interface_of_a_wildcard(self):
        own = Sipadmin({"SIPADMIN_SIP": "0.0.0.0:5062"})
        assert "127.0.0.1" in own.multicast
        assert "0.0.0.0" not in own.multicast

    def test_multicast_is_udp(self):
        assert Sipadmin({"SIPADMIN_SIP": "tls:127.0.0.1:5061"}).multicast == []

    def test_files_and_origins(self, tmp_path):
        for name in ("chain", "key", "both", "ca"):
            (tmp_path / name).write_text("")
        own = Sipadmin(
            {
                "SIPADMIN_TLS_CERTIFICATES": f"{tmp_path}/chain:{tmp_path}/key, {tmp_path}/both",
                "SIPADMIN_TLS_CLIENT_CA": f"{tmp_path}/ca",
                "SIPADMIN_RELAY_FROM": "192.0.2.0/24, ::1, udp:2001:db8::/64, tls:Trunk.example",
                "SIPADMIN_WS_ORIGINS": "https://Phone.example.org:8443, null",
            }
        )
        assert own.tls_certificates == [(tmp_path / "chain", tmp_path / "key"), (tmp_path / "both", tmp_path / "both")]
        assert own.tls_client_ca == tmp_path / "ca" and own.tls_server_ca is None
        assert own.relay_from == [ip_network("192.0.2.0/24"), ip_network("::1")]
        assert own.relay_from_udp == [ip_network("2001:db8::/64")] and own.relay_names == {"trunk.example"}
        assert own.ws_origins == ["https://phone.example.org:8443", "null"]


class TestListeners:
    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("127.0.0.1:5060", "udp, tcp 127.0.0.1:5060"),
            ("udp:127.0.0.1:5060", "udp, tcp 127.0.0.1:5060"),
            ("TCP:127.0.0.1:5060", "tcp 127.0.0.1:5060"),
            ("ws:[::1]:8080", "ws [::1]:8080"),
            ("wss:0.0.0.0:443=sip.example.org:443", "wss 0.0.0.0:443 as sip.example.org:443"),
            ("sip.example.org:5060=[2001:db8::1]:5080", "udp, tcp sip.example.org:5060 as [2001:db8::1]:5080"),
        ],
    )
    def test_protocol_address_and_what_others_call_it(self, text, shown):
        assert str(addresses.parse_sip_address(text, "X")) == shown

    @pytest.mark.parametrize(
        "text", ["tls:", "tls:5061", "sctp:127.0.0.1:5060", "tls:127.0.0.1:5061=", "tls:127.0.0.1:5061=name"]
    )
    def test_nonsense(self, text):
        with pytest.raises(BadSetting, match=r"^X: "):
            addresses.parse_sip_address(text, "X")


class TestFlags:
    def test_it_works(self):
        environ = {"SIPADMIN_SIP": "overruled"}
        environment.take_flags(
            ["--sip", "127.0.0.1:1", "--sip=[::1]:2", "-v", "2", "--http", "127.0.0.1:3", "--data", "/x"], environ
        )
        assert environ == {"SIPADMIN_SIP": "127.0.0.1:1,[::1]:2", "SIPADMIN_HTTP": "127.0.0.1:3", "SIPADMIN_DATA": "/x"}

    def test_value_missing(self):
        with pytest.raises(BadSetting, match="--sip needs a value"):
            environment.take_flags(["--sip"], {})

    def test_twice(self):
        with pytest.raises(BadSetting, match="--http is given twice"):
            environment.take_flags(["--http", "a", "--http", "b"], {})


@pytest.fixture
def own_umask():
    """Put back what prepare_data sets for the whole process."""
    mask = os.umask(0o022)
    os.umask(0o022)
    yield
    os.umask(mask)


@pytest.mark.usefixtures("own_umask")
class TestPrepareData:
    def test_it_works(self, tmp_path, monkeypatch):
        monkeypatch.delenv("SIPADMIN_SECRET_KEY", raising=False)
        data = tmp_path / "a" / "var"
        assert environment.prepare_data(data)
        assert stat.S_IMODE(data.stat().st_mode) == 0o700
        assert stat.S_IMODE((data / "secret_key").stat().st_mode) == 0o600
        key = environment.secret_key({}, data)
        assert len(key) >= 50
        assert not environment.prepare_data(data)
        assert environment.secret_key({}, data) == key

    def test_the_environment_wins(self, tmp_path, monkeypatch):
        monkeypatch.setenv("SIPADMIN_SECRET_KEY", "from outside")
        assert not environment.prepare_data(tmp_path / "var")
        assert not (tmp_path / "var" / "secret_key").exists()
        assert environment.secret_key(os.environ, tmp_path) == "from outside"

    def test_a_file_in_the_way(self, tmp_path):
        (tmp_path / "var").write_text("")
        with pytest.raises(BadSetting, match=r"cannot write to the data folder .*; use --data"):
            environment.prepare_data(tmp_path / "var")

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
    def test_unwritable(self, tmp_path):
        tmp_path.chmod(0o500)
        with pytest.raises(BadSetting, match="cannot write"):
            environment.prepare_data(tmp_path / "var")

    def test_unwritable_even_for_root(self):
        with pytest.raises(BadSetting, match="cannot write"):
            environment.prepare_data(environment.Path("/proc/sipadmin"))

    def test_without_a_key_each_process_has_its_own(self, tmp_path):
        assert environment.secret_key({}, tmp_path) != environment.secret_key({}, tmp_path)


class TestDatabaseUrl:
    def test_sqlite(self):
        database = environment.parse_database_url("sqlite:////srv/a%20b.sqlite3")
        assert str(database["NAME"]) == "/srv/a b.sqlite3"
        assert database["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
        # Between what an import of 50,000 users writes and what a phone waits (Timer F).
        assert 8 < database["OPTIONS"]["timeout"] < 32

    def test_postgres(self):
        database = environment.parse_database_url("postgres://u:p%40ss@db.example:5433/name")
        assert (database["USER"], database["PASSWORD"], database["HOST"], database["PORT"], database["NAME"]) == (
            "u", "p@ss", "db.example", 5433, "name",
        )  # fmt: skip

    @pytest.mark.parametrize("text", ["mysql://x/y", "name", "sqlite://", "postgres://h:port/n"])
    def test_refusals(self, text):
        with pytest.raises(BadSetting, match="DATABASE_URL"):
            environment.parse_database_url(text)


class TestOwnHosts:
    def test_loopback_only(self):
        hosts = environment.own_hosts(HostPort("127.0.0.1", 8000), ["sip.example.org"])
        assert hosts == ["localhost", "127.0.0.1", "[::1]", "sip.example.org"]

    def test_wildcard_adds_this_machine(self):
        assert len(environment.own_hosts(HostPort("0.0.0.0", 8000), [])) > 3
