"""Connections do not take the files that the database needs."""

import resource

import pytest

from sipadmin.engine.open_files import WANTED, allow_open_files

KIND = resource.RLIMIT_NOFILE


@pytest.fixture
def hard():
    """The real hard limit; the soft one is put back."""
    before = resource.getrlimit(KIND)
    yield before[1]
    resource.setrlimit(KIND, before)


def test_the_soft_limit_is_raised(hard):
    resource.setrlimit(KIND, (512, hard))
    expected = WANTED if hard == resource.RLIM_INFINITY else min(hard, WANTED)
    assert allow_open_files() == expected
    assert resource.getrlimit(KIND) == (expected, hard)


class Limits:
    """A system with these limits."""

    def __init__(self, monkeypatch, soft, hard, refuses=False):
        self.set = []
        self.refuses = refuses
        monkeypatch.setattr(resource, "getrlimit", lambda kind: (soft, hard))
        monkeypatch.setattr(resource, "setrlimit", self.setrlimit)

    def setrlimit(self, kind, limits):
        if self.refuses:
            raise ValueError("not allowed")
        self.set.append(limits)


@pytest.mark.parametrize("soft", [WANTED, 65_536, resource.RLIM_INFINITY])
def test_what_is_enough_stays(monkeypatch, soft):
    limits = Limits(monkeypatch, soft, soft)
    assert allow_open_files() == soft
    assert limits.set == []


def test_without_a_hard_limit(monkeypatch):
    limits = Limits(monkeypatch, 1_024, resource.RLIM_INFINITY)
    assert allow_open_files() == WANTED
    assert limits.set == [(WANTED, resource.RLIM_INFINITY)]


def test_a_low_hard_limit_is_told(monkeypatch, caplog):
    limits = Limits(monkeypatch, 1_024, 4_096)
    assert allow_open_files() == 4_096
    assert limits.set == [(4_096, 4_096)]
    assert "4096 open files" in caplog.text and "LimitNOFILE" in caplog.text


def test_a_system_that_refuses(monkeypatch, caplog):
    Limits(monkeypatch, 1_024, 4_096, refuses=True)
    assert allow_open_files() == 1_024
    assert "stay limited to 1024" in caplog.text
