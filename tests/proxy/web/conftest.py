from tests.console import (  # noqa: F401 - fixtures
    admin_page,
    administrator,
    alice,
    bob,
    domain,
    engine,
    no_engine,
    operator,
    operator_page,
)
from tests.simulated import simulated  # noqa: F401 - a fixture
