"""What a phone says that it understands."""

import pytest

from registrar.option_tags import understands
from tests.registrar.test_core import a_request


@pytest.mark.rfc("3261", "19.2")
@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"supported": "path, Outbound"}, True),
        ({"require": "OUTBOUND"}, True),
        ({"supported": "path", "require": "outbound"}, True),
        ({"supported": "path", "require": "gruu"}, False),
        ({"supported": "outbounds"}, False),
        ({}, False),
    ],
)
def test_understands(facts, expected):
    assert understands(a_request(**facts), "outbound") is expected
