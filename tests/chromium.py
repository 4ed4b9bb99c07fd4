"""Debian's Chromium, as all tests start it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = Path("/usr/bin/chromium")
#: Without these, Chromium talks to its maker from the start.
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def need() -> None:
    """Skip the test where there is no Chromium, unless DURAR_REQUIRE_BROWSER insists on it."""
    if CHROMIUM.exists():
        return
    if os.environ.get("DURAR_REQUIRE_BROWSER") == "1":
        pytest.fail(f"{CHROMIUM} is missing, and DURAR_REQUIRE_BROWSER is 1.")
    pytest.skip(f"There is no {CHROMIUM}; install Debian's chromium to run the browser tests.")


def launched(playwright: Any) -> Any:
    """A browser without a window."""
    return playwright.chromium.launch(executable_path=str(CHROMIUM), args=QUIET)
