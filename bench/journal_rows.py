"""What a binding row costs to write: Django's compiled upsert with executemany against bulk_create.

    .venv/bin/python bench/journal_rows.py [--rows 20000] [--batch 200]

Prints one JSON line per way: microseconds of CPU a row, refreshing rows that exist, on a SQLite file.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
_FOLDER = tempfile.TemporaryDirectory()
if not os.environ.get("DATABASE_URL"):
    os.environ["SIPADMIN_DATA"] = _FOLDER.name
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sipadmin.settings")

import django

django.setup()

from django.core.management import call_command
from django.db import connection, transaction

from registrar.clock import Clock
from registrar.models import Binding as Row
from registrar.models import Domain, SipUser
from registrar.rows import RowWriter
from sip.location import Binding

FIELDS = [field.name for field in Row._meta.concrete_fields if not field.primary_key]


def bulk_create(bindings: list[Binding], clock: Clock) -> None:
    rows = [
        Row(
            id=one.id,
            user_id=one.user_id,
            contact=one.contact,
            q=one.q,
            call_id=one.call_id,
            cseq=one.cseq,
            transport=one.transport,
            received_from=one.received_from,
            received_on=one.received_on,
            path=list(one.path),
            user_agent=one.user_agent,
            registered_by=one.registered_by,
            expires_at=clock.moment(one.expires_at),
            created_at=clock.moment(one.created_at),
            refreshed_at=clock.moment(one.refreshed_at),
        )
        for one in bindings
    ]
    Row.objects.bulk_create(rows, update_conflicts=True, update_fields=FIELDS, unique_fields=["id"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--batch", type=int, default=200)
    options = parser.parse_args()
    call_command("migrate", verbosity=0)
    domain, _ = Domain.objects.get_or_create(name="bench.example")
    user, _ = SipUser.objects.get_or_create(domain=domain, username="bob")
    clock = Clock(1000.0, time.time())
    bindings = [
        Binding(
            id=number + 1,
            user_id=user.pk,
            aor=user.aor,
            contact=f"sip:bob{number}@192.0.2.10:5062",
            expires_at=4600.0,
            call_id=f"{number:x}@192.0.2.10",
            cseq=number,
            received_from="192.0.2.10:5062",
            received_on="192.0.2.1:5060",
            user_agent="Bench/1",
            registered_by=user.aor,
            created_at=1000.0,
            refreshed_at=1000.0,
        )
        for number in range(options.rows)
    ]
    writer = RowWriter(connection, clock)
    ways = [("executemany", writer.upsert), ("bulk_create", lambda part: bulk_create(part, clock))]
    for round_name in ("insert", "refresh"):
        for name, write in ways:
            started = time.process_time()
            for start in range(0, options.rows, options.batch):
                with transaction.atomic():
                    write(bindings[start : start + options.batch])
            cpu = (time.process_time() - started) / options.rows * 1e6
            if round_name == "refresh":
                print(json.dumps({"way": name, "batch": options.batch, "us": round(cpu, 1)}), flush=True)
    Row.objects.filter(user=user).delete()


if __name__ == "__main__":
    main()
