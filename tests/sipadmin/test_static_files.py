"""Static files as `up` collects them."""

from pathlib import Path

from django.core.management import call_command

from sipadmin.environment import BASE_DIR


def test_modules_import_hashed_modules(settings, tmp_path: Path):
    settings.STATIC_ROOT = tmp_path
    settings.STATICFILES_DIRS = [BASE_DIR / "static"]
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "sipadmin.static_files.HashedFiles"},
    }
    call_command(
        "collectstatic", interactive=False, verbosity=0, ignore=["rest_framework", "redoc*", "drf_spectacular*"]
    )
    [live] = (tmp_path / "js").glob("live.*.js")
    imports = [line for line in live.read_text().splitlines() if line.startswith("import ")]
    assert imports
    for line in imports:
        name = line.rsplit('"', 2)[1]
        assert (live.parent / name).exists(), name
        assert len(Path(name).name.split(".")) == 3, name
