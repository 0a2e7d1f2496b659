"""Settings that every test shares."""

import pytest


def pytest_configure(config):
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
