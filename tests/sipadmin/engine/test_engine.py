"""The composition root: what is decided nowhere else."""

from types import SimpleNamespace

import pytest

from proxy.core.responsibility import Responsibility
from sip.message.uri import Uri
from sipadmin.engine.engine import Engine


class Domains:
    """Two domains, the second one older."""

    def __init__(self):
        self.known = {
            name: SimpleNamespace(id=number, name=name) for name, number in (("b.example", 2), ("a.example", 1))
        }

    def domain(self, host):
        return self.known.get(host)

    def domains(self):
        return list(self.known.values())


@pytest.mark.rule("R11")
@pytest.mark.rfc("3261", "10.3")
@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("sip:b.example", "b.example"),
        ("sip:b.example:7070", "b.example"),  # whatever port a router in between made of it
        ("sip:192.0.2.1:5060", "a.example"),
        ("sip:192.0.2.1:5999", None),
        ("sip:other.example", None),
        ("tel:1", None),
    ],
)
def test_domain_of_a_register(uri, name):
    domains = Domains()
    responsibility = Responsibility(domains, lambda host, port: (host, port) == ("192.0.2.1", 5060), {5060})
    engine = SimpleNamespace(directory=domains, proxy=SimpleNamespace(responsibility=responsibility))
    found = Engine.domain_of(engine, Uri.parse(uri))
    assert (found and found.name) == name
