"""manage.py on a bare machine: every case of how .venv can come about, with interpreters that only pretend."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sipadmin import bootstrap
from sipadmin.bootstrap import Bootstrap

ROOT = Path(__file__).resolve().parents[2]

# Stands for an interpreter: notes how it was called, and does what FAKE says.
FAKE_PYTHON = """#!/bin/sh
echo "$@" >> "{log}"
case "$*" in
*"-m venv"*--without-pip*)
  mkdir -p .venv/bin; ln -sf "{self}" .venv/bin/python; exit 0;;
*"-m venv"*) mkdir -p .venv/bin; ln -sf "{self}" .venv/bin/python; [ -n "$FAKE_NO_ENSUREPIP" ] && exit 1; exit 0;;
*"pip --version"*) [ -n "$FAKE_NO_PIP" ] && exit 1; exit 0;;
*install*) echo "Collecting one"; echo "Installing collected packages: one"
  [ -n "$FAKE_NO_NETWORK" ] && {{ echo "no route"; exit 1; }}
  exit 0;;
esac
exit 0
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A checkout with requirements that nobody has, and a fake interpreter to build from."""
    monkeypatch.delenv("SIPADMIN_NO_BOOTSTRAP", raising=False)
    monkeypatch.delenv("SIPADMIN_BOOTSTRAPPED", raising=False)
    for name in ("FAKE_NO_ENSUREPIP", "FAKE_NO_PIP", "FAKE_NO_NETWORK"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "requirements.txt").write_text("nobody-has-this==1.0  # why\n")
    (tmp_path / "requirements-dev.txt").write_text(
        "-r requirements.txt\nnor-this[extra]==2.0; sys_platform != 'win32'\n"
    )
    python = tmp_path / "fake-python"
    python.write_text(FAKE_PYTHON.format(log=tmp_path / "calls", self=python))
    python.chmod(0o755)
    return tmp_path


@pytest.fixture
def started(monkeypatch):
    """What was executed instead of us."""
    calls = []
    monkeypatch.setattr(os, "execve", lambda path, arguments, environment: calls.append((path, arguments, environment)))
    return calls


def prepare(folder, command="up"):
    Bootstrap(folder, ["manage.py", command], python=str(folder / "fake-python")).ensure()


def calls(folder):
    log = folder / "calls"
    return log.read_text().splitlines() if log.exists() else []


class TestFirstStart:
    def test_with_ensurepip(self, folder, started, capsys):
        prepare(folder)
        output = capsys.readouterr().out
        assert "first start: preparing this folder" in output
        assert "[1/4] Python 3." in output
        assert "[2/4] installing 1 packages" in output
        assert json.loads((folder / ".venv" / bootstrap.STAMP).read_text()).keys() == {"requirements.txt"}
        ((path, arguments, environment),) = started
        assert path == str(folder / ".venv/bin/python")
        assert arguments == [path, "manage.py", "up"]
        assert environment["SIPADMIN_BOOTSTRAPPED"] == "1"

    def test_tests_need_more(self, folder, started, capsys):
        prepare(folder, "test")
        assert "[2/2] installing 2 packages" in capsys.readouterr().out
        stamp = json.loads((folder / ".venv" / bootstrap.STAMP).read_text())
        assert stamp.keys() == {"requirements.txt", "requirements-dev.txt"}

    def test_without_ensurepip_but_with_pip(self, folder, started, monkeypatch):
        monkeypatch.setenv("FAKE_NO_ENSUREPIP", "1")
        prepare(folder)
        assert any("--without-pip" in call for call in calls(folder))
        assert any(f"-m pip --python {folder}/.venv/bin/python install" in call for call in calls(folder))
        assert started

    def test_with_neither(self, folder, started, monkeypatch, capsys):
        monkeypatch.setenv("FAKE_NO_ENSUREPIP", "1")
        monkeypatch.setenv("FAKE_NO_PIP", "1")
        with pytest.raises(SystemExit) as ended:
            prepare(folder)
        assert ended.value.code == 1
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert "apt-get install -y python3-venv" in error
        assert not (folder / ".venv").exists()
        assert not started

    def test_no_network(self, folder, started, monkeypatch, capsys):
        monkeypatch.setenv("FAKE_NO_NETWORK", "1")
        with pytest.raises(SystemExit):
            prepare(folder)
        assert "no route" in capsys.readouterr().err
        assert not (folder / ".venv" / bootstrap.STAMP).exists()
        monkeypatch.delenv("FAKE_NO_NETWORK")
        prepare(folder)
        assert started

    def test_a_folder_alone_proves_nothing(self, folder, started):
        (folder / ".venv" / "bin").mkdir(parents=True)
        (folder / ".venv" / "bin" / "python").symlink_to(folder / "fake-python")
        prepare(folder)
        assert any("--clear" in call for call in calls(folder))

    def test_a_folder_we_may_not_write(self, folder, started, monkeypatch, capsys):
        monkeypatch.setattr(os, "access", lambda path, mode: False)
        with pytest.raises(SystemExit):
            prepare(folder)
        assert "cannot write to" in capsys.readouterr().err


class TestLaterStarts:
    def test_nothing_is_done_again(self, folder, started, capsys):
        prepare(folder)
        before = calls(folder)
        capsys.readouterr()
        prepare(folder)
        assert calls(folder) == before
        assert capsys.readouterr().out == ""
        assert len(started) == 2

    def test_new_requirements_are_installed_into_the_same_folder(self, folder, started):
        prepare(folder)
        (folder / "requirements.txt").write_text("nobody-has-this==2.0\n")
        before = len(calls(folder))
        prepare(folder)
        new = calls(folder)[before:]
        assert not any("venv" in call and "-m venv" in call for call in new)
        assert any("install" in call for call in new)

    def test_the_stamp_of_both_files(self, folder, started):
        prepare(folder, "test")
        prepare(folder)
        assert len([call for call in calls(folder) if "install" in call and "-r" in call]) == 1
        (folder / "requirements.txt").write_text("nobody-has-this==2.0\n")
        prepare(folder)
        prepare(folder, "test")
        assert len([call for call in calls(folder) if "-r requirements-dev.txt" in call]) == 2


class TestInert:
    def test_switched_off(self, folder, started, monkeypatch, capsys):
        monkeypatch.setenv("SIPADMIN_NO_BOOTSTRAP", "1")
        with pytest.raises(SystemExit):
            prepare(folder)
        assert "nobody-has-this missing" in capsys.readouterr().err
        (folder / "requirements.txt").write_text("django\n")
        prepare(folder)
        assert calls(folder) == []
        assert not started

    def test_everything_is_there_already(self, folder, started):
        (folder / "requirements.txt").write_text("django==0.1  # another version, as in a container\npytest\n")
        prepare(folder)
        assert calls(folder) == []
        assert not started

    def test_an_installation_that_brings_nothing_does_not_go_round_for_ever(self, folder, started, monkeypatch):
        monkeypatch.setenv("SIPADMIN_BOOTSTRAPPED", "1")
        monkeypatch.setattr(Bootstrap, "is_inside", lambda self: True)
        monkeypatch.setattr(Bootstrap, "build", lambda self: None)
        with pytest.raises(SystemExit):
            prepare(folder)
        assert not started


class TestOldPython:
    def test_manage_py_parses_and_says_so(self):
        """The check stands before anything an old Python could stumble over."""
        source = (ROOT / "manage.py").read_text()
        code = source.replace("sys.version_info < (3, 11)", "sys.version_info < (99, 0)")
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
        assert done.returncode == 1
        assert done.stderr.count("\n") == 1
        assert "needs Python 3.11 or newer" in done.stderr

    def test_the_syntax_is_old(self):
        import ast

        ast.parse((ROOT / "manage.py").read_text(), feature_version=(3, 0))
        assert 'f"' not in (ROOT / "manage.py").read_text()
