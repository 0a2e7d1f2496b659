"""From the command line to Django's commands; what stops a command is one line on stderr and exit code 1."""

from __future__ import annotations

import os
import sys

from sipadmin import environment

FLAGGED = ("up", "runsip")


def main(arguments: list[str]) -> int:
    """Run ``arguments`` (as sys.argv); the exit code."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sipadmin.settings")
    command = arguments[1] if len(arguments) > 1 else ""
    try:
        if command in FLAGGED:
            environment.take_flags(arguments[2:], os.environ)
        else:
            # Every command works on the folder that `up --data` was given.
            arguments = [*arguments[:2], *environment.take_flags(arguments[2:], os.environ, ["--data"])]
        if command == "test":
            # pytest reads its settings from the folder it starts in.
            os.chdir(environment.BASE_DIR)
        wants_help = {"-h", "--help"} & set(arguments)
        if command not in environment.STORELESS and not command.startswith("-") and not wants_help:
            environment.prepare_data(environment.data_dir(os.environ))
        return run(arguments)
    except environment.BadSetting as error:
        return refuse(str(error))
    except KeyboardInterrupt:
        return 130


def run(arguments: list[str]) -> int:
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line
    from django.db import DatabaseError

    try:
        # Read here: Django would answer a wrong setting with "unknown command".
        settings.SIPADMIN  # noqa: B018 - read for its errors
        execute_from_command_line(arguments)
    except ImproperlyConfigured as error:
        return refuse(str(error))
    except DatabaseError as error:
        if settings.DEBUG:
            raise
        return refuse(describe_database_error(error))
    return 0


def describe_database_error(error: Exception) -> str:
    """One sentence with what to do about it."""
    from django.conf import settings

    text = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    name = settings.DATABASES["default"]["NAME"]
    if "no such table" in text or "does not exist" in text:
        return f"the database {name} has no tables yet ({text}); run: python3 manage.py migrate"
    if "locked" in text:
        return f"the database {name} is busy ({text}); try again"
    return f"the database {name} cannot be used: {text}"


def refuse(text: str) -> int:
    sys.stdout.flush()
    sys.stderr.write(f"sipadmin: {text}\n")
    return 1
