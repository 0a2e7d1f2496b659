"""manage.py demo beside the running product."""

from __future__ import annotations

import os
import signal
import sys

from tests.end_to_end.enrolment import Enrolment
from tests.end_to_end.product import ROOT, Product
from tests.end_to_end.programs import Programs

DOMAIN = "demo.test"


def demo(product: Product) -> Enrolment:
    """Only to look: the demo makes its own users."""
    found = Enrolment.__new__(Enrolment)
    found.product, found.domain = product, DOMAIN
    return found


def test_each_kind_of_call_goes_as_it_must(product: Product) -> None:
    done = product.manage("demo", "--once", "--domain", DOMAIN)
    assert "13 of 13 calls went as they must" in done.stdout
    assert demo(product).bindings("ivan") == []


def test_runs_until_it_is_interrupted_and_leaves_no_binding(product: Product, programs: Programs) -> None:
    command = [sys.executable, ROOT / "manage.py", "demo", "--domain", DOMAIN, "--calls-per-minute", "600"]
    program = programs.start(command, "demo", {**product.environment, "PYTHONUNBUFFERED": "1"})
    program.wait_for(r"answered +200 OK, answered by bob's phone")
    assert len(demo(product).bindings("ivan")) == 3
    os.kill(program.pid, signal.SIGINT)
    assert program.finish() == 0
    assert "Unregistered the phones of 12 users" in program.output
    assert demo(product).bindings("ivan") == []


def test_is_removed_with_its_users(product: Product) -> None:
    product.manage("demo", "--once", "--domain", DOMAIN)
    assert "20 users" in product.manage("demo", "--remove", "--domain", DOMAIN).stdout
    assert demo(product).attempts("bob") == []
