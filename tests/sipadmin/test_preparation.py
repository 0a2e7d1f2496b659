"""What `up` checks before it starts anything."""

import os
import socket
import sqlite3
import stat
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.db import connection

from sipadmin import preparation
from sipadmin.accounts.setup_links import is_live
from sipadmin.addresses import HostPort, SipAddress
from sipadmin.preparation import CannotStart


class TestPorts:
    @pytest.mark.parametrize(
        ("kind", "protocol"), [(socket.SOCK_DGRAM, "udp"), (socket.SOCK_STREAM, "tcp")]
    )  # fmt: skip
    def test_a_busy_port_names_port_and_flag(self, kind, protocol):
        with socket.socket(socket.AF_INET, kind) as holder:
            holder.bind(("127.0.0.1", 0))
            if kind == socket.SOCK_STREAM:
                holder.listen()
            port = holder.getsockname()[1]
            with pytest.raises(
                CannotStart, match=rf"port {port} \({protocol}\) on 127.0.0.1 is busy; .* --sip HOST:PORT"
            ):
                preparation.check_port(HostPort("127.0.0.1", port), kind, "--sip")

    def test_http_is_named_first(self):
        with socket.create_server(("127.0.0.1", 0)) as holder:
            busy = HostPort("127.0.0.1", holder.getsockname()[1])
            with pytest.raises(CannotStart, match="--http"):
                preparation.check_ports(busy, [SipAddress(("udp", "tcp"), busy)])

    def test_free_ports_are_left_free(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            free = HostPort("127.0.0.1", probe.getsockname()[1])
        for _ in range(2):
            preparation.check_ports(free, [SipAddress(("udp", "tcp"), free)])

    def test_each_kind_on_its_socket(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder, socket.socket() as probe:
            holder.bind(("127.0.0.1", 0))
            busy = HostPort("127.0.0.1", holder.getsockname()[1])
            probe.bind(("127.0.0.1", 0))
            http = HostPort("127.0.0.1", probe.getsockname()[1])
            probe.close()
            preparation.check_ports(http, [SipAddress(("tls",), busy)])
            with pytest.raises(CannotStart, match="udp"):
                preparation.check_ports(http, [SipAddress(("udp", "tcp"), busy)])

    def test_not_ours(self):
        with pytest.raises(CannotStart, match="no address of this machine"):
            preparation.check_port(HostPort("203.0.113.7", 5060), socket.SOCK_DGRAM, "--sip")
        with pytest.raises(CannotStart, match="no address of this machine"):
            preparation.check_port(HostPort("nowhere.invalid", 5060), socket.SOCK_DGRAM, "--sip")


def test_one_product_a_folder(tmp_path):
    first = preparation.FolderInUse(tmp_path)
    with pytest.raises(CannotStart, match=rf"process {os.getpid()}\) is running with the data folder"):
        preparation.FolderInUse(tmp_path)
    first.file.close()
    preparation.FolderInUse(tmp_path).file.close()


@pytest.mark.django_db
class TestDatabase:
    def test_up_to_date(self):
        assert preparation.pending_migrations() == ([], True)

    def test_a_newer_database(self):
        from django.db.migrations.recorder import MigrationRecorder

        MigrationRecorder(connection).record_applied("registrar", "9999_from_the_future")
        with pytest.raises(CannotStart, match=r"newer sipadmin: it has registrar\.9999"):
            preparation.pending_migrations()


@pytest.mark.skipif(connection.vendor != "sqlite", reason="only of SQLite's file")
@pytest.mark.django_db(transaction=True)
def test_the_copy_before_a_migration(tmp_path, settings):
    settings.DATA_DIR = tmp_path
    copy = preparation.copy_database()
    assert copy.parent == tmp_path / "backups"
    with sqlite3.connect(copy) as database:
        assert database.execute("SELECT count(*) FROM django_migrations").fetchone()[0] > 0
    for day in range(10, 18):
        (copy.parent / f"before-migration-202001{day}-000000.sqlite3").touch()
    preparation.copy_database()
    assert len(list(copy.parent.glob("*.sqlite3"))) == preparation.KEPT_COPIES


class TestStatic:
    def test_collected_once(self, tmp_path, settings, monkeypatch):
        monkeypatch.delenv("SIPADMIN_STATIC", raising=False)
        calls = []

        def collect(*args, **options):
            calls.append(args)
            (tmp_path / "static").mkdir(exist_ok=True)
            (tmp_path / "static" / "staticfiles.json").touch()

        monkeypatch.setattr(preparation, "call_command", collect)
        settings.DATA_DIR, settings.STATIC_ROOT = tmp_path, tmp_path / "static"
        assert preparation.collect_static()
        assert not preparation.collect_static()
        monkeypatch.setattr(preparation, "static_fingerprint", lambda: "changed")
        assert preparation.collect_static()
        assert len(calls) == 2

    def test_the_fingerprint_holds_still(self):
        assert preparation.static_fingerprint() == preparation.static_fingerprint()


@pytest.mark.django_db
class TestSetupAddress:
    @pytest.fixture(autouse=True)
    def data(self, tmp_path, settings, monkeypatch):
        monkeypatch.delenv("SIPADMIN_ADMIN_PASSWORD_FILE", raising=False)
        settings.DATA_DIR = tmp_path
        return tmp_path

    def test_a_terminal_gets_the_link(self, data):
        lines = preparation.setup_address("http://127.0.0.1:8000/", is_terminal=True)
        assert is_live(lines[-1].rpartition("/setup/")[2])
        assert not (data / "setup-link").exists()

    def test_a_log_gets_a_file_name(self, data):
        lines = preparation.setup_address("http://127.0.0.1:8000/", is_terminal=False)
        file = data / "setup-link"
        assert str(file) in lines[0]
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        token = file.read_text().strip().rpartition("/setup/")[2]
        assert is_live(token)
        assert token not in "".join(lines)

    def test_nothing_with_an_administrator(self, data):
        (data / "setup-link").write_text("old")
        get_user_model().objects.create_superuser("root", password="x")
        assert preparation.setup_address("http://127.0.0.1:8000/", is_terminal=True) == []
        assert not (data / "setup-link").exists()

    def test_containers_bring_a_password(self, data, monkeypatch):
        file = data / "password"
        file.write_text("correct horse battery\n")
        monkeypatch.setenv("SIPADMIN_ADMIN_PASSWORD_FILE", str(file))
        assert preparation.setup_address("http://127.0.0.1:8000/", is_terminal=False) == []
        assert get_user_model().objects.get(username="admin").check_password("correct horse battery")

    @pytest.mark.parametrize("content", [None, ""])
    def test_a_password_file_that_is_none(self, data, monkeypatch, content):
        file = Path(data / "password")
        if content is not None:
            file.write_text(content)
        monkeypatch.setenv("SIPADMIN_ADMIN_PASSWORD_FILE", str(file))
        with pytest.raises(CannotStart, match="SIPADMIN_ADMIN_PASSWORD_FILE"):
            preparation.setup_address("http://127.0.0.1:8000/", is_terminal=False)
