"""Our own certificate, or the administrator's files."""

import hashlib
import ssl
import stat

import pytest

from sip.transport.tls import BadCertificate, TlsContexts, names_of
from sipadmin.engine import certificates
from sipadmin.engine.certificates import certificate_facts, own_files, own_names, tls_files
from sipadmin.environment import Sipadmin
from tests.sip.transport.certificates import certificate


def own(tmp_path, sip="tls:127.0.0.1:5061", **environ):
    return Sipadmin({"SIPADMIN_DATA": str(tmp_path), "SIPADMIN_SIP": sip, **environ})


class TestOwn:
    def test_made_at_the_first_start_and_kept(self, tmp_path):
        files = tls_files(own(tmp_path))
        assert files.certificates == [own_files(tmp_path)]
        first = own_files(tmp_path).chain.read_bytes()
        tls_files(own(tmp_path))
        assert own_files(tmp_path).chain.read_bytes() == first
        TlsContexts(files)

    def test_the_key_is_for_nobody_else(self, tmp_path):
        tls_files(own(tmp_path))
        for path in own_files(tmp_path):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(own_files(tmp_path).key.parent.stat().st_mode) == 0o700

    def test_a_new_name_makes_a_new_one(self, tmp_path):
        tls_files(own(tmp_path))
        tls_files(own(tmp_path, "wss:127.0.0.1:5061=Phone.example:443", SIPADMIN_ADVERTISE="sip.example:5060"))
        assert names_of(own_files(tmp_path).chain) == ["sip.example", "phone.example", "127.0.0.1"]

    def test_none_where_nobody_needs_it(self, tmp_path):
        assert tls_files(own(tmp_path, "127.0.0.1:5060,ws:127.0.0.1:8080")) is None
        assert not own_files(tmp_path).chain.parent.exists()

    def test_a_folder_that_cannot_be_written(self, tmp_path):
        (tmp_path / "tls").write_text("in the way")
        with pytest.raises(BadCertificate, match="cannot write"):
            tls_files(own(tmp_path))

    def test_names_of_a_wildcard_are_those_of_this_machine(self, tmp_path, monkeypatch):
        monkeypatch.setattr(certificates, "interface_addresses", lambda: ["127.0.0.1", "192.0.2.7", "[2001:db8::7]"])
        monkeypatch.setattr(certificates.socket, "gethostname", lambda: "Pbx")
        assert own_names(own(tmp_path, "tls:0.0.0.0:5061")) == ["pbx", "127.0.0.1", "192.0.2.7"]
        assert own_names(own(tmp_path, "tls:[::]:5061")) == ["pbx", "2001:db8::7"]
        assert own_names(own(tmp_path, "tls:127.0.0.1:5061=büro.example:1", SIPADMIN_MULTICAST="")) == ["127.0.0.1"]


def test_the_administrators_files_come_first(tmp_path):
    files = certificate(tmp_path, "sip.example.org", "*.example.org")
    found = tls_files(own(tmp_path, SIPADMIN_TLS_CERTIFICATES=f"{files.chain}:{files.key}"))
    assert found.certificates == [files] and not own_files(tmp_path).chain.exists()
    (known,) = certificate_facts(found)
    der = ssl.PEM_cert_to_DER_cert(files.chain.read_text())
    assert known["sha256"].replace(":", "").lower() == hashlib.sha256(der).hexdigest()
    assert known["names"] == ["sip.example.org", "*.example.org"] and known["is_self_signed"]
