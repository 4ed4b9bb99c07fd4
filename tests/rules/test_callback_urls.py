"""Where Mattermost is told to call Durar, and the warning about addresses that it cannot reach."""

from __future__ import annotations

import pytest

from mattermost_bridge.rules.callback_urls import callback_base, interaction_url, is_loopback, unreachable


@pytest.mark.parametrize(
    ("settings", "base"),
    [
        ({}, "http://localhost:18789"),
        ({"port": 9000}, "http://localhost:9000"),
        ({"bind_host": "10.0.0.5", "port": 9000}, "http://10.0.0.5:9000"),
        ({"bind_host": "fd00::5"}, "http://[fd00::5]:18789"),
        ({"bind_host": "[fd00::5]"}, "http://[fd00::5]:18789"),
        *(
            ({"bind_host": host}, "http://localhost:18789")
            for host in ("0.0.0.0", "::", "[::]", "::0", "[0:0:0:0:0:0:0:0]", " ")
        ),
        ({"public_url": "https://durar.example.com/", "bind_host": "10.0.0.5"}, "https://durar.example.com"),
        (
            {"callback_base_url": " https://gateway.example.com/mm// ", "public_url": "https://durar.example.com"},
            "https://gateway.example.com/mm",
        ),
        ({"callback_base_url": " ", "public_url": "https://durar.example.com"}, "https://durar.example.com"),
    ],
)
def test_the_base_is_the_nearest_that_is_set(settings: dict, base: str) -> None:
    assert callback_base(**settings) == base
    assert interaction_url(base, "ops") == f"{base}/mattermost/interactions/ops"


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://localhost:18789/x", True),
        ("http://127.3.4.5/x", True),
        ("http://[::1]:5/x", True),
        ("http://durar.localhost/", True),
        ("http://10.0.0.5/", False),
        ("https://chat.example.com", False),
        ("http://[broken", False),
    ],
)
def test_loopback_addresses_are_known(url: str, loopback: bool) -> None:
    assert is_loopback(url) is loopback


def test_a_remote_server_that_is_told_to_call_localhost_is_warned_about() -> None:
    warning = unreachable("http://localhost:18789/x", "https://chat.example.com", "interactions.callbackBaseUrl")
    assert "interactions.callbackBaseUrl" in warning
    assert "http://localhost:18789/x" in warning
    assert unreachable("http://localhost:18789/x", "http://127.0.0.1:8065", "a") == ""
    assert unreachable("https://durar.example.com/x", "https://chat.example.com", "a") == ""
    assert unreachable("http://localhost:18789/x", "", "a") == ""
