"""`manage.py test` runs pytest. pytest_django has such a class too, but importing it here would be too early for it:
pytest wants to load its plugins itself, to rewrite their assertions."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any


class PytestRunner:
    """What Django asks of a TEST_RUNNER; labels are paths or node ids of pytest."""

    def __init__(
        self,
        *,
        verbosity: int = 1,
        failfast: bool = False,
        keyword: str = "",
        conformance: bool = False,
        **options: Any,
    ) -> None:
        self.verbosity = verbosity
        self.failfast = failfast
        self.keyword = keyword
        self.conformance = conformance

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        parser.add_argument("-k", dest="keyword", default="", help="only tests whose names match, as pytest's -k")
        parser.add_argument("--conformance", action="store_true", help="write docs/conformance.md from the tests first")

    def run_tests(self, test_labels: Sequence[str], **options: Any) -> int:
        """Number that Django turns into the exit code: 0 when all is well."""
        import pytest

        arguments = list(test_labels)
        if self.verbosity == 0:
            arguments.append("--quiet")
        elif self.verbosity > 1:
            arguments.append("-" + "v" * (self.verbosity - 1))
        if self.failfast:
            arguments.append("--exitfirst")
        if self.keyword:
            arguments += ["-k", self.keyword]
        if self.conformance:
            arguments.append("--conformance")
        return int(pytest.main(arguments))
