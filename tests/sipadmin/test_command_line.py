"""What stops a command is one line and exit code 1."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def manage(data, *arguments, **environment):
    own = {name: value for name, value in os.environ.items() if not name.startswith(("SIPADMIN_", "DATABASE_"))}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env={**own, "SIPADMIN_DATA": str(data), "SIPADMIN_NO_BOOTSTRAP": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "environment", "line"),
    [
        (["domain", "example.org"], {}, "has no tables yet"),
        (["check"], {"SIPADMIN_SIP": "5060"}, "SIPADMIN_SIP (--sip): '5060' is not HOST:PORT"),
        (["check"], {"DATABASE_URL": "mysql://x"}, "DATABASE_URL: mysql is not known"),
        (["runsip", "--sip"], {}, "--sip needs a value"),
        (["runsip", "--sip", "x"], {}, "'x' is not HOST:PORT"),
    ],
)
def test_one_line(tmp_path, arguments, environment, line):
    done = manage(tmp_path / "var", *arguments, **environment)
    assert done.returncode == 1
    assert line in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("sipadmin: ")


@pytest.mark.parametrize("flag", [["--data", "{}"], ["--data={}"]])
def test_every_command_takes_the_data_folder(tmp_path, flag):
    flag = [word.format(tmp_path / "other") for word in flag]
    assert manage(tmp_path / "var", "migrate", "-v0", *flag).returncode == 0
    done = manage(tmp_path / "var", "domain", *flag, "example.org", "--set", "max_contacts=3")
    assert "max_contacts=3" in done.stdout
    assert (tmp_path / "other" / "sipadmin.sqlite3").exists()
    assert not (tmp_path / "var").exists()


def test_help_leaves_no_folder(tmp_path):
    done = manage(tmp_path / "var", "up", "--help")
    assert done.returncode == 0
    assert "--sip HOST:PORT" in done.stdout
    assert not (tmp_path / "var").exists()


def test_runsip_says_which_socket_is_taken(tmp_path):
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
        holder.bind(("127.0.0.1", 0))
        port = holder.getsockname()[1]
        done = manage(tmp_path / "var", "runsip", "--sip", f"127.0.0.1:{port}")
    assert done.returncode == 3
    assert str(port) in done.stderr
    assert "--sip HOST:PORT" in done.stderr
