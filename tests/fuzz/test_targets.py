"""Every seed of the fuzzer, and every input that ever broke a target."""

import pytest

from tests.fuzz.targets import FOUND, TARGETS, seeds

INPUTS = [(target, f"seed-{number}", data) for target in TARGETS for number, data in enumerate(seeds(target))]
INPUTS += [(path.name.partition("-")[0], path.name, path.read_bytes()) for path in sorted(FOUND.glob("*-*"))]


@pytest.mark.parametrize(("target", "data"), [pytest.param(t, d, id=f"{t}-{n}") for t, n, d in INPUTS])
@pytest.mark.threat(19)
def test_holds(target, data):
    TARGETS[target](data)


class TestTargetsCanFail:
    """A target that nothing breaks shows nothing."""

    def test_parse(self, monkeypatch):
        monkeypatch.setattr("sip.message.messages.Message.vias", property(lambda message: 1 / 0))
        with pytest.raises(ZeroDivisionError):
            TARGETS["parse"](seeds("parse")[0])

    def test_engine(self, monkeypatch):
        monkeypatch.setattr("proxy.handler.ProxyHandler.request", lambda *arguments: 1 / 0)
        with pytest.raises(AssertionError, match="Failed on"):
            TARGETS["engine"](seeds("engine")[0])
