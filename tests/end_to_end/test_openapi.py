"""The OpenAPI document is true: asked at random, and used to build a client."""

from __future__ import annotations

import importlib
import json
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import ModuleType

import pytest

from tests.end_to_end.api_client import ApiClient
from tests.end_to_end.product import DIRECT, Product
from tests.end_to_end.registrant import Registrant

HERE = Path(__file__).parent
OWN_TOKEN = 900_000_001  # no random id meets the token that asks


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Product]:
    """A product that nobody else uses: what asks at random also deletes."""
    running = Product(tmp_path / "data")
    running.start()
    running.add_users("example.org", ["alice", "bob"])
    yield running
    running.stop()


def schema(product: Product, token: str) -> dict[str, object]:
    request = urllib.request.Request(
        f"{product.http}/api/schema/?format=json", headers={"Authorization": f"Bearer {token}"}
    )
    with DIRECT.open(request, timeout=30) as answer:
        found: dict[str, object] = json.load(answer)
        return found


def test_asked_at_random(alone: Product, tmp_path: Path) -> None:
    """schemathesis, with all its checks: every status, header, body and refusal is what the document says."""
    api = ApiClient(alone, "schemathesis")
    with closing(sqlite3.connect(alone.data / "sipadmin.sqlite3")) as database:
        database.execute("UPDATE accounts_apitoken SET id = ?, rate_limit = 1000000", [OWN_TOKEN])
        database.commit()
    place = tmp_path / "schema.json"
    place.write_text(json.dumps(schema(alone, api.token)))
    command = [
        str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(HERE / "schemathesis.toml"), "run",
        str(place), "--url", alone.http, "--header", f"Authorization: Bearer {api.token}", "--checks", "all",
        "--phases", "examples,coverage,fuzzing", "--max-examples", "4", "--seed", "1", "--continue-on-failure",
        "--generation-database", "none", "--no-color",
        "--exclude-path", "/api/v1/events/stream",  # it does not end; test_stream.py and test_api.py read it
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=600)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    errors = [line for line in alone.text().splitlines() if "Internal Server Error" in line]
    assert not errors


@pytest.fixture
def client(product: Product, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[ModuleType, str]]:
    """The package that openapi-python-client makes, and a token."""
    api = ApiClient(product, "generated")
    place, package = tmp_path / "schema.json", tmp_path / "sipadmin_client"
    place.write_text(json.dumps(schema(product, api.token)))
    (tmp_path / "config.yml").write_text("post_hooks: []\n")
    command = [
        str(Path(sys.executable).with_name("openapi-python-client")), "generate", "--path", str(place),
        "--meta", "none", "--output-path", str(package), "--config", str(tmp_path / "config.yml"), "--fail-on-warning",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield importlib.import_module("sipadmin_client"), api.token
    for name in [name for name in sys.modules if name.partition(".")[0] == "sipadmin_client"]:
        del sys.modules[name]


def test_a_generated_client_provisions_a_domain(product: Product, client: tuple[ModuleType, str]) -> None:
    package, token = client
    models = importlib.import_module("sipadmin_client.models")

    def call(tag: str, name: str) -> ModuleType:
        return importlib.import_module(f"sipadmin_client.api.{tag}.{name}")

    connection = package.AuthenticatedClient(base_url=product.http, token=token)
    domain = call("domains", "domains_update").sync(
        "generated.test", client=connection, body=models.DomainRequest(name="generated.test", auth_register=False)
    )
    assert (domain.name, domain.auth_register, domain.user_count) == ("generated.test", False, 0)
    for name in ("ann", "ben"):
        user = call("users", "users_update").sync(
            f"{name}@generated.test",
            client=connection,
            body=models.UserRequest(username=name, domain="generated.test", password="secret", tags=["new"]),
        )
        assert (user.aor, user.registered) == (f"{name}@generated.test", False)
    page = call("users", "users_list").sync(client=connection, domain="generated.test", tag="new")
    assert [user.username for user in page.results] == ["ann", "ben"]
    missing = call("users", "users_retrieve").sync_detailed("nobody@generated.test", client=connection)
    assert missing.status_code == 404
    phones = Registrant(product.sip)
    phones.register("ann", domain="generated.test")
    assert [user for user, _ in phones.answers(1.0)] == ["ann"]
