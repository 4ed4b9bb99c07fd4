"""One browser and one running Durar for all tests of this folder: each works with people and places of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.chromium import started
from tests.up import Running, tab, up

__all__ = ["tab"]


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """The folder's browser."""
    with started() as browser:
        yield browser


@pytest.fixture(scope="package")
def durar(chromium: Browser) -> Iterator[Running]:
    """A running Durar with its sandbox, as a new user starts it; chromium first, for without it nothing is started."""
    with up() as running:
        yield running
