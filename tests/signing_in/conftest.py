"""Fixtures of the tests about signing in: real sign-ins through the page."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.test import Client


@pytest.fixture(autouse=True)
def _nothing_counted_before():
    cache.clear()


@pytest.fixture
def browser():
    """Makes a browser at an address; `browser("bob", "bob-password-1")` has signed in."""

    def make(username: str = "", password: str = "", address: str = "192.0.2.7", **headers: str) -> Client:
        client = Client(REMOTE_ADDR=address, headers=headers)
        if username:
            response = client.post("/login/", {"username": username, "password": password, "next": "/"})
            assert response.status_code == 302, response.content.decode()
        return client

    return make


def is_signed_in(client: Client) -> bool:
    """Whether the first page opens for this browser."""
    return client.get("/").status_code == 200
