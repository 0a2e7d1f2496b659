"""Settings that every test shares."""

import pytest

from tests.conformance import listing

pytest_plugins = ["tests.console", "tests.simulated"]  # their fixtures, for the tests of pages, API and commands


def pytest_addoption(parser):
    parser.addoption("--conformance", action="store_true", help="write docs/conformance.md from the tests' markers")


def pytest_configure(config):
    if config.getoption("conformance"):
        listing.write()
    # WhiteNoise's, on a machine where nothing was started yet; the tests need no collected files.
    config.addinivalue_line("filterwarnings", "ignore:No directory at:UserWarning")


@pytest.fixture(autouse=True)
def plain_static_files(settings):
    """Pages render without a collectstatic first."""
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
