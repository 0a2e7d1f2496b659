"""Moving the engine to other addresses, and back when that fails."""

from __future__ import annotations

import socket

import pytest

from sipadmin.bus import EngineUnavailable
from sipadmin.environment import HostPort, Sipadmin, kept_listeners
from sipadmin.first_run import listening
from sipadmin.first_run.listening import CannotListen

NOW = HostPort("127.0.0.1", 5060)


class Engine:
    """Starts anew when told to, unless ``comes_back`` is False."""

    def __init__(self) -> None:
        self.starts = 1.0
        self.comes_back = True
        self.asked: list[str] = []

    def __call__(self, name, *, timeout=5.0, **arguments):
        self.asked.append(name)
        if name == "restart":
            self.starts += 1 if self.comes_back else 0
            return {}
        if self.asked.count("ping") % 3 == 0:
            raise EngineUnavailable("not yet")
        return {"started_at": self.starts, "listeners": [{"protocol": "udp", "host": "127.0.0.1", "port": 5060}]}


@pytest.fixture
def engine(monkeypatch):
    found = Engine()
    monkeypatch.setattr("sipadmin.bus.engine_command", found)
    monkeypatch.setattr(listening, "LOOK_INTERVAL", 0.0)
    monkeypatch.setattr(listening, "BACK_WITHIN", 0.05)
    return found


def test_it_works(engine, tmp_path, monkeypatch):
    monkeypatch.setattr(listening, "check", lambda address: None)
    monkeypatch.setattr(listening, "BACK_WITHIN", 10.0)
    listening.change([NOW, HostPort("::1", 5070)])
    assert "restart" in engine.asked
    assert kept_listeners(tmp_path) == ["127.0.0.1:5060", "[::1]:5070"]
    assert [one.address for one in Sipadmin({"SIPADMIN_DATA": str(tmp_path)}).sip] == [NOW, HostPort("::1", 5070)]


def test_a_flag_wins(tmp_path):
    (tmp_path / "listen").write_text("127.0.0.1:5070\n")
    environ = {"SIPADMIN_DATA": str(tmp_path), "SIPADMIN_SIP": "127.0.0.1:5080"}
    assert [one.address for one in Sipadmin(environ).sip] == [HostPort("127.0.0.1", 5080)]


@pytest.mark.parametrize("old", [None, "127.0.0.1:5060\n"])
def test_an_engine_that_does_not_come_back(engine, tmp_path, old):
    if old:
        (tmp_path / "listen").write_text(old)
    engine.comes_back = False
    with pytest.raises(CannotListen, match="did not come back"):
        listening.change([NOW])
    assert kept_listeners(tmp_path) == (old or "").split()


def test_a_busy_port(engine, tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(CannotListen, match="busy"):
            listening.change([HostPort("127.0.0.1", taken.getsockname()[1])])
    assert not (tmp_path / "listen").exists()


def test_engine_down(monkeypatch):
    with pytest.raises(EngineUnavailable):
        listening.listeners()
    with pytest.raises(CannotListen):
        listening.restart()


def test_loopback_is_no_network():
    assert not any(host.startswith("127.") for host in listening.network_addresses())
