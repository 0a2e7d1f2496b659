"""Pictures of every page in both themes, of a product that this command starts, fills and stops. For developers."""

from __future__ import annotations

import tempfile
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

# What the documentation shows; the rest is for looking at.
FOR_DOCS = ["overview", "registrations", "call", "users", "connect", "security"]


class Command(BaseCommand):
    help = "Take pictures of the pages, light and dark. Needs requirements-dev.txt and Chromium."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", nargs="?", default="docs/images", help="where to (%(default)s)")
        parser.add_argument("--all", action="store_true", help="every page, not only those that the docs show")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            from playwright.sync_api import sync_playwright

            from tests.end_to_end import browser, gallery
            from tests.end_to_end.product import Product
        except ImportError as error:
            raise CommandError(f"{error}; install requirements-dev.txt") from None
        if browser.CHROMIUM is None:
            raise CommandError("there is no chromium on this machine")
        with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
            product = Product(Path(folder) / "var")
            product.start()
            try:
                gallery.fill(product)
                demo = gallery.Demo(product)
                chromium = playwright.chromium.launch(executable_path=browser.CHROMIUM, args=browser.ARGUMENTS)
                names = None if options["all"] else FOR_DOCS
                for path in gallery.photograph(chromium, product, Path(options["folder"]), names):
                    self.stdout.write(str(path))
                chromium.close()
                demo.stop()
            finally:
                product.stop()
