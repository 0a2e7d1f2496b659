#!/usr/bin/env python3
"""sipadmin's commands. On a bare machine this makes its own .venv first (sipadmin/bootstrap.py)."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036
    # Old syntax in this file: an old Python must get as far as this line.
    sys.stderr.write(
        "sipadmin needs Python 3.11 or newer; %s is Python %d.%d\n" % ((sys.executable,) + tuple(sys.version_info[:2]))  # noqa: RUF005, UP031
    )
    sys.exit(1)

if __name__ == "__main__":
    from sipadmin import bootstrap

    bootstrap.ensure(sys.argv)

    from sipadmin.commands import main

    sys.exit(main(sys.argv))
