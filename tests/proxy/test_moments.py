"""Points in time for the writers: the same as Django's own."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import connection

from proxy.moments import moments
from tests.proxy.trace.recorded import START


@pytest.mark.parametrize("at", [START, START + 0.5, START + 0.000001, 0.0])
def test_as_django_would(at):
    assert moments(connection)(at) == connection.ops.adapt_datetimefield_value(datetime.fromtimestamp(at, UTC))


def test_other_databases_use_their_own_adapter():
    class Other:
        vendor = "postgresql"
        timezone = UTC

        class ops:
            @staticmethod
            def adapt_datetimefield_value(value):
                return value

    assert moments(Other)(START) == datetime.fromtimestamp(START, UTC)
