"""The provisioning commands: what they print, and each refusal."""

import io

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command

from registrar.models import Domain, SipUser
from sipadmin.accounts.models import RATE_LIMIT
from sipadmin.accounts.setup_links import is_live
from sipadmin.accounts.tokens import TokenRefused, find_token

pytestmark = pytest.mark.django_db


class TestDomain:
    def test_it_works(self, capsys):
        call_command("domain", "example.org", "--set", "auth_call=off", "policy=redirect", "--set", "alias=a.example")
        output = capsys.readouterr().out
        assert output.startswith("example.org created\n")
        for line in ("  auth_call=off", "  policy=redirect", "  alias=a.example", "  realm=example.org"):
            assert line in output.splitlines()
        call_command("domain", "example.org")
        assert capsys.readouterr().out == output.replace(" created", "")

    def test_several_aliases(self):
        call_command("domain", "example.org", "--set", "alias=a.example", "alias=b.example")
        assert Domain.objects.get().aliases.count() == 2

    @pytest.mark.parametrize("text", ["colour=red", "auth_call=maybe", "policy=shout", "auth_call", "=x"])
    def test_refusals(self, text):
        with pytest.raises(CommandError):
            call_command("domain", "example.org", "--set", text)
        assert not Domain.objects.exists()

    def test_an_unknown_key_lists_the_keys(self):
        with pytest.raises(CommandError, match=r"min_expires.*auth_register.*ring_time"):
            call_command("domain", "example.org", "--set", "colour=red")

    def test_a_new_realm_warns(self, capsys, tmp_path):
        call_command("domain", "example.org")
        (tmp_path / "users.csv").write_text("user,password\nalice,x\n")
        call_command("importusers", str(tmp_path / "users.csv"), "--domain", "example.org")
        call_command("domain", "example.org", "--set", "realm=phones")
        assert "new password" in capsys.readouterr().err


class TestImportUsers:
    @pytest.fixture
    def table(self, tmp_path):
        call_command("domain", "example.org")
        return tmp_path / "users.csv"

    def test_it_works(self, table, capsys):
        table.write_text("user,password,policy,display_name\nalice,a,redirect,Alice\nbob,b,inherit,Bob\n")
        call_command("importusers", str(table), "--domain", "Example.org")
        assert "users created 2, updated 0, unchanged 0" in capsys.readouterr().out
        assert SipUser.objects.count() == 2

    def test_dry_run(self, table, capsys):
        table.write_text("user,password\nalice,a\n")
        call_command("importusers", str(table), "--domain", "example.org", "--dry-run")
        assert "to be created 1" in capsys.readouterr().out
        assert not SipUser.objects.exists()

    def test_no_such_domain_tells_what_to_do(self, table):
        with pytest.raises(CommandError, match=r"manage.py domain nowhere\.example"):
            call_command("importusers", str(table), "--domain", "nowhere.example")

    def test_no_such_file(self, table):
        with pytest.raises(CommandError, match="No such file"):
            call_command("importusers", str(table), "--domain", "example.org")

    def test_errors_are_listed_and_counted(self, table):
        table.write_text("user,password\n" + "".join(f"bad name {number},x\n" for number in range(25)))
        with pytest.raises(CommandError) as refused:
            call_command("importusers", str(table), "--domain", "example.org")
        lines = str(refused.value).splitlines()
        assert lines[0] == "nothing imported:"
        assert lines[1].startswith("  row 2, user: ")
        assert len(lines) == 22
        assert lines[-1] == "  ... and 5 more"
        assert not SipUser.objects.exists()


class TestCreateAdmin:
    def test_it_works(self, tmp_path, capsys):
        file = tmp_path / "password"
        file.write_text("correct horse battery\n")
        call_command("createadmin", "root", "--password-file", str(file))
        account = get_user_model().objects.get()
        assert account.is_superuser
        assert account.check_password("correct horse battery")
        file.write_text("another horse battery\n")
        call_command("createadmin", "root", "--password-file", str(file))
        account.refresh_from_db()
        assert account.check_password("another horse battery")
        output = capsys.readouterr()
        assert "horse" not in output.out + output.err

    def test_from_stdin(self, monkeypatch):
        monkeypatch.setattr("sys.stdin", io.StringIO("correct horse battery\n"))
        call_command("createadmin", "root", "--password-file", "-")
        assert get_user_model().objects.get().check_password("correct horse battery")

    def test_a_weak_password_is_the_owners_business_but_told(self, monkeypatch, capsys):
        monkeypatch.setattr("sys.stdin", io.StringIO("pw\n"))
        call_command("createadmin", "root", "--password-file", "-")
        assert "warning: This password is too short" in capsys.readouterr().err

    @pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe"])
    def test_no_password(self, tmp_path, content):
        file = tmp_path / "password"
        file.write_bytes(content)
        with pytest.raises(CommandError, match="password"):
            call_command("createadmin", "root", "--password-file", str(file))

    def test_no_file(self, tmp_path):
        with pytest.raises(CommandError, match="No such file"):
            call_command("createadmin", "root", "--password-file", str(tmp_path / "x"))

    def test_bad_name(self, monkeypatch):
        monkeypatch.setattr("sys.stdin", io.StringIO("correct horse battery\n"))
        with pytest.raises(CommandError, match="username"):
            call_command("createadmin", "no spaces", "--password-file", "-")


class TestCreateToken:
    def test_it_works(self, capsys):
        call_command("createtoken", "ci", "--scope", "users:read", "--scope", "calls:read")
        token = find_token(capsys.readouterr().out.strip())
        assert token.scopes == ["calls:read", "users:read"]
        assert (token.networks, token.rate_limit) == ([], RATE_LIMIT)

    def test_where_and_how_often(self, capsys):
        call_command(
            "createtoken", "ci", "--network", "192.0.2.7/24", "--network", "2001:db8::/32", "--rate-limit", "60"
        )
        text = capsys.readouterr().out.strip()
        token = find_token(text, source="192.0.2.99")
        assert (token.networks, token.rate_limit) == (["192.0.2.0/24", "2001:db8::/32"], 60)
        with pytest.raises(TokenRefused, match="this address"):
            find_token(text, source="198.51.100.1")

    def test_refusals(self):
        with pytest.raises(CommandError, match=r"unknown scope zz.*users:read"):
            call_command("createtoken", "ci", "--scope", "zz")
        with pytest.raises(CommandError, match=r"'here' is not a network, such as"):
            call_command("createtoken", "ci", "--network", "here")
        with pytest.raises(CommandError, match="51 networks are too many"):
            call_command("createtoken", "ci", *["--network=192.0.2.1"] * 51)
        with pytest.raises(CommandError, match="1 to 1000000 requests"):
            call_command("createtoken", "ci", "--rate-limit", "0")
        call_command("createtoken", "ci")
        with pytest.raises(CommandError, match="already"):
            call_command("createtoken", "ci")


class TestSetupLink:
    def test_it_works(self, capsys):
        call_command("setuplink")
        address = capsys.readouterr().out.strip()
        assert is_live(address.rpartition("/")[2])

    def test_not_with_an_administrator(self):
        get_user_model().objects.create_superuser("root", password="x")
        with pytest.raises(CommandError, match="createadmin"):
            call_command("setuplink")


class TestCertificate:
    def test_it_works(self, capsys, monkeypatch):
        asked = []
        known = {"file": "/x/own.pem", "names": ["a", "b"], "until": 0, "sha256": "AB:CD", "is_self_signed": True}

        def engine_command(name):
            asked.append(name)
            return {"certificates": [known]}

        monkeypatch.setattr("sipadmin.management.commands.certificate.engine_command", engine_command)
        call_command("certificate", "--reload")
        assert asked == ["reload_certificates", "certificates"]
        output = capsys.readouterr().out.splitlines()
        assert output[0] == "/x/own.pem  (self-signed)"
        assert output[1:] == ["  names    a, b", "  until    1970-01-01", "  SHA-256  AB:CD"]

    def test_without_any(self, monkeypatch):
        monkeypatch.setattr(
            "sipadmin.management.commands.certificate.engine_command", lambda name: {"certificates": []}
        )
        with pytest.raises(CommandError, match="tls:HOST:5061"):
            call_command("certificate")

    def test_without_a_server(self, tmp_path, settings):
        settings.DATA_DIR = tmp_path
        with pytest.raises(CommandError, match="not running"):
            call_command("certificate")
