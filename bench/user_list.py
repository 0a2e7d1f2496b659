#!/usr/bin/env python3
"""How fast the page of users opens with very many, without a server: view, template and database in this process.

    .venv/bin/python bench/user_list.py --count 100000

Makes a database of its own in a temporary folder. One JSON line: of each place the best of five in seconds, and how
many times that of the same place with a hundredth of the users (the part that does not depend on the machine).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

PLACES = ("/users/", "/users/?q=user0009", "/users/?state=unregistered", "/users/?domain=a.example&page=9")


def fill(first: int, end: int) -> None:
    """Users in two domains, every second one in each."""
    from registrar.models import Domain, SipUser

    domains = [Domain.objects.get_or_create(name=f"{letter}.example")[0] for letter in "ab"]
    users = [SipUser(domain=domains[number % 2], username=f"user{number:06}") for number in range(first, end)]
    SipUser.objects.bulk_create(users, 5000)


def seconds(page, place: str) -> float:
    durations = []
    for _ in range(5):
        start = time.perf_counter()
        answer = page.get(place)
        durations.append(time.perf_counter() - start)
        if answer.status_code != 200:
            raise SystemExit(f"{place}: {answer.status_code}")
    return min(durations)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=100_000)
    count = parser.parse_args().count
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(SIPADMIN_DATA=folder, DJANGO_SETTINGS_MODULE="sipadmin.settings")
        import django

        django.setup()
        from django.conf import settings
        from django.contrib.auth import get_user_model
        from django.core.management import call_command
        from django.test import Client

        call_command("migrate", verbosity=0)
        call_command("collectstatic", verbosity=0, interactive=False)
        page = Client(headers={"host": settings.ALLOWED_HOSTS[0]} if settings.ALLOWED_HOSTS else None)
        page.force_login(get_user_model().objects.create_superuser("bench", password="not of importance"))
        fill(0, count // 100)
        few = {place: seconds(page, place) for place in PLACES}
        fill(count // 100, count)
        many = {place: seconds(page, place) for place in PLACES}
    facts = {place: {"seconds": round(many[place], 3), "times": round(many[place] / few[place], 1)} for place in PLACES}
    print(json.dumps({"count": count, "places": facts}))


if __name__ == "__main__":
    main()
