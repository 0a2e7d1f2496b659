"""One running product for all end-to-end tests; each test brings its own domain or its own users."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.product import Product
from tests.end_to_end.programs import Programs

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.end_to_end)


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """The product with the domain example.test and the users alice, bob, carol and mallory, password "secret"."""
    if not sys.platform.startswith("linux"):
        pytest.skip("starts real processes the way Linux does")
    running = Product(tmp_path_factory.mktemp("product"))
    running.start()
    try:
        running.add_users("example.test", ["alice", "bob", "carol", "mallory"])
        yield running
    finally:
        running.stop()


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[Programs]:
    """Starts other people's programs; all of them are stopped in the end."""
    running = Programs(tmp_path)
    yield running
    running.stop()
