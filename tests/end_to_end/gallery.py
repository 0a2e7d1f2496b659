"""A product with something on every page, and the pages: for accessibility, for pictures, for narrow screens."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.end_to_end.browser import PASSWORD, log_in
from tests.end_to_end.product import ROOT, Product

DOMAIN = "demo.sip.local"
# Name of the picture -> address; {user}, {domain}, {call}, {ban} and {account} are filled in.
PAGES = {
    "overview": "/",
    "registrations": "/registrations/",
    "calls": "/calls/",
    "call": "/calls/{call}/",
    "users": "/users/",
    "user": "/users/{user}/",
    "new-user": "/users/new/",
    "connect": "/users/{user}/connect/",
    "import": "/users/import/",
    "delete-user": "/users/{user}/delete/",
    "domains": "/domains/",
    "domain": "/domains/{domain}/",
    "new-domain": "/domains/new/",
    "routing": "/routing/",
    "simulator": "/routing/simulate/?method=INVITE&caller=sip:alice@demo.sip.local&callee=sip:ivan@demo.sip.local",
    "new-rule": "/routing/rules/new/",
    "security": "/security/",
    "requests": "/requests/",
    "recording": "/recording/",
    "health": "/system/",
    "accounts": "/system/accounts/",
    "account-of": "/system/accounts/{account}/",
    "tokens": "/tokens/",
    "webhooks": "/system/webhooks/",
    "audit": "/system/audit/",
    "settings": "/system/settings/",
    "backup": "/system/backup/",
    "account": "/account/",
    "second-factor": "/account/second-factor/",
    "search": "/search/?q=alice",
    "welcome-reach": "/welcome/reach/",
    "welcome-domain": "/welcome/domain/",
    "welcome-user": "/welcome/user/",
    "not-found": "/nothing/",
}
ON_A_PHONE = ("overview", "calls")  # in the docs
BEFORE_LOGIN = {"login": "/login/", "setup-refused": "/setup/nothing"}


def fill(product: Product) -> None:
    """The demo's people with one call of each kind behind them and their phones registered; a ban; a wrong password."""
    file = product.data / "admin-password"
    file.write_text(PASSWORD)
    product.manage("createadmin", "ada", "--password-file", str(file))
    product.manage("demo", "--once")


class Demo:
    """`manage.py demo` beside the product, so that live pages have something live."""

    def __init__(self, product: Product) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "demo", "--calls-per-minute", "40"],
            cwd=ROOT,
            env=product.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if "Watch it live" in line:
                break

    def stop(self) -> None:
        self.process.terminate()
        self.process.communicate(timeout=20)


def keys(product: Product) -> dict[str, Any]:
    """What stands for the braces of PAGES."""
    with closing(sqlite3.connect(product.data / "sipadmin.sqlite3", timeout=5)) as database:

        def one(query: str) -> Any:
            row = database.execute(query).fetchone()
            return row[0] if row else 0

        return {
            "user": one("SELECT id FROM registrar_sipuser WHERE username = 'ivan'"),
            "domain": one("SELECT id FROM registrar_domain"),
            "call": one("SELECT id FROM proxy_callattempt WHERE callee LIKE '%ivan%' AND status = 200 LIMIT 1"),
            "account": one("SELECT id FROM auth_user"),
        }


def places(product: Product) -> dict[str, str]:
    found = keys(product)
    return {name: place.format(**found) for name, place in PAGES.items()}


def settle(page: Any) -> None:
    """Wait until a live page has drawn its snapshot."""
    if page.locator("[data-live]").count():
        page.wait_for_selector("[data-link-state=live], [data-link-state=paused]")
        # One frame for the snapshot that came before.
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def photograph(chromium: Any, product: Product, folder: Path, names: list[str] | None = None) -> list[Path]:
    """Pictures of the pages in both themes, and of some on a phone."""
    folder.mkdir(parents=True, exist_ok=True)
    made: list[Path] = []
    for theme in ("light", "dark"):
        context = chromium.new_context(
            base_url=product.http, viewport={"width": 1280, "height": 800}, color_scheme=theme
        )
        page = context.new_page()
        log_in(page)
        for name, place in places(product).items():
            if names is None or name in names:
                made.append(picture(page, place, folder / f"{name}-{theme}.png"))
        context.close()
    phone = chromium.new_context(base_url=product.http, viewport={"width": 360, "height": 740})
    page = phone.new_page()
    log_in(page)
    for name, place in places(product).items():
        if names is None or name in ON_A_PHONE:
            made.append(picture(page, place, folder / f"{name}-phone.png"))
    phone.close()
    return made


def picture(page: Any, place: str, target: Path) -> Path:
    page.goto(place)
    settle(page)
    if place == "/":
        page.wait_for_timeout(20_000)  # for the charts to have something to show
    page.screenshot(path=str(target))
    return target
