"""A real browser asks what would happen, makes a rule, tries it before saving it; with scripts and without."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.end_to_end.browser import CHROMIUM, PASSWORD, chromium, log_in, watched_page  # noqa: F401
from tests.end_to_end.enrolment import Enrolment
from tests.end_to_end.product import Product

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")


@pytest.fixture(scope="module")
def domain(product: Product) -> Enrolment:
    file = product.data / "admin-password"
    file.write_text(PASSWORD)
    product.manage("createadmin", "rita", "--password-file", str(file))
    return Enrolment(product, "simulator.test", {"alice": "", "bob": "refuse:486"})


@pytest.fixture(params=[True, False], ids=["with scripts", "without scripts"])
def page(request: Any, chromium: Any, domain: Enrolment) -> Iterator[Any]:  # noqa: F811
    with watched_page(chromium, domain.product.http, java_script_enabled=request.param) as found:
        log_in(found, "rita")
        yield found


def test_ask_then_make_a_rule_that_was_tried(page):
    page.goto("/routing/")
    page.click("text=What would happen?")
    page.fill("#id_caller", "alice@simulator.test")
    page.fill("#id_callee", "bob@simulator.test")
    page.click("button:has-text('Ask')")
    outcome = page.locator("[role=status]", has_text="What would happen")
    assert "bob takes no calls: 486 by policy" in outcome.inner_text()
    assert "user bob@simulator.test" in outcome.inner_text()

    page.goto("/routing/")
    page.click("text=Add a rule")
    page.fill("#id_description", "no calls for bob")
    page.fill("#id_user_pattern", "b*")
    page.select_option("#id_action", "reject")
    page.fill("#id_reject_code", "603")
    page.fill("#id_ask-caller", "alice@simulator.test")
    page.fill("#id_ask-callee", "bob@simulator.test")
    page.click("button:has-text('Try')")
    sides = page.locator("[role=status] section.card")
    assert sides.count() == 2
    assert "486 by policy" in sides.nth(0).inner_text()
    assert "603 by policy" in sides.nth(1).inner_text()
    assert page.input_value("#id_user_pattern") == "b*"

    page.click("button:has-text('Add rule')")
    row = page.locator("tr", has_text="no calls for bob")
    assert row.count() == 1
    row.locator("a").first.click()
    page.click("button:has-text('Delete')")
    assert page.locator("tr", has_text="no calls for bob").count() == 0
