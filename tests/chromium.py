"""Debian's Chromium for all tests. A start takes two seconds of a core, so the tests of a file share one browser.

Debian has it in two forms: the browser, and the same without any window, which does the tests' work in a third of the
time. That one is taken where it is installed, unless DURAR_TEST_CHROMIUM names another; CI runs both.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

#: Of the packages chromium-headless-shell and chromium.
FORMS = (Path("/usr/bin/chromium-headless-shell"), Path("/usr/bin/chromium"))
CHROMIUM = Path(os.environ.get("DURAR_TEST_CHROMIUM") or next((form for form in FORMS if form.exists()), FORMS[0]))
#: Without these, Chromium talks to its maker from the start.
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def started() -> Iterator[Any]:
    """A browser without a window. Skipped where there is none, unless DURAR_REQUIRE_BROWSER insists on it."""
    if not CHROMIUM.exists():
        if os.environ.get("DURAR_REQUIRE_BROWSER") == "1":
            pytest.fail(f"{CHROMIUM} is missing, and DURAR_REQUIRE_BROWSER is 1.")
        pytest.skip(f"There is no {CHROMIUM}; install Debian's chromium-headless-shell to run the browser tests.")
    sync_api = pytest.importorskip("playwright.sync_api")
    with pytest.MonkeyPatch.context() as patch, sync_api.sync_playwright() as playwright:
        # Playwright's loop runs in this thread, so Django takes every query here for one inside a loop.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        launched = playwright.chromium.launch(executable_path=str(CHROMIUM), args=QUIET)
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """The file's browser."""
    with started() as launched:
        yield launched


@pytest.fixture
def browser(chromium: Any) -> Iterator[Any]:
    """The file's browser; what a test opened in it is closed after the test."""
    yield chromium
    for context in chromium.contexts:
        context.close()
