"""Settings that every test shares."""

import pytest


@pytest.fixture(autouse=True)
def plain_static_files(settings):
    """Pages render without a collectstatic first."""
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    # Something that exists: WhiteNoise warns of a folder that does not.
    settings.STATIC_ROOT = settings.BASE_DIR / "static"
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
