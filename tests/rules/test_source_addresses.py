"""From where a call comes behind proxies, and from where calls are taken."""

from __future__ import annotations

import pytest

from mattermost_bridge.rules.source_addresses import is_allowed, networks_of, source_of

PROXIES = networks_of(["10.0.0.0/8", "fd00::/8", "192.0.2.7"])


@pytest.mark.parametrize(
    ("remote", "headers", "source"),
    [
        ("203.0.113.9", {}, "203.0.113.9"),
        ("203.0.113.9", {"forwarded_for": "127.0.0.1"}, "203.0.113.9"),  # no proxy of ours: its headers mean nothing
        ("::ffff:203.0.113.9", {}, "203.0.113.9"),
        ("10.0.0.1", {"forwarded_for": "203.0.113.9"}, "203.0.113.9"),
        ("10.0.0.1", {"forwarded_for": "127.0.0.1, 203.0.113.9, 10.0.0.2"}, "203.0.113.9"),  # the first was made up
        ("10.0.0.1", {"forwarded_for": "203.0.113.9, 127.0.0.1"}, "203.0.113.9"),
        ("10.0.0.1", {"forwarded_for": "203.0.113.9:4711, [fd00::1]:80"}, "203.0.113.9"),
        ("::ffff:10.0.0.1", {"forwarded_for": "::ffff:203.0.113.9"}, "203.0.113.9"),
        ("10.0.0.1", {"forwarded_for": "203.0.113.9, unknown"}, None),
        ("10.0.0.1", {}, None),
        ("10.0.0.1", {"forwarded_for": "127.0.0.1"}, None),
        ("10.0.0.1", {"real_ip": "203.0.113.9"}, None),
        ("10.0.0.1", {"real_ip": "203.0.113.9", "real_ip_counts": True}, "203.0.113.9"),
        ("10.0.0.1", {"forwarded_for": "203.0.113.8", "real_ip": "203.0.113.9", "real_ip_counts": True}, "203.0.113.8"),
        ("203.0.113.1", {"real_ip": "127.0.0.1", "real_ip_counts": True}, "203.0.113.1"),
        ("", {}, None),
    ],
)
def test_the_source_is_who_no_proxy_of_ours_stands_before(remote: str, headers: dict, source: str | None) -> None:
    found = source_of(remote, proxies=PROXIES, **headers)
    assert (str(found) if found else None) == source


@pytest.mark.parametrize(
    ("source", "allowed", "taken"),
    [
        ("127.0.0.1", [], True),
        ("::1", [" "], True),
        ("::ffff:127.0.0.1", [], True),
        ("127.0.0.2", [], False),
        ("203.0.113.9", [], False),
        ("203.0.113.9", ["203.0.113.9"], True),
        ("203.0.113.9", ["::ffff:203.0.113.0/120"], True),
        ("203.0.113.9", ["203.0.113.77/24", "nonsense"], True),
        ("127.0.0.1", ["203.0.113.0/24"], False),  # once something is listed, only that counts
        ("127.0.0.1", ["nonsense"], False),
        ("2001:db8::5", ["2001:db8::/32"], True),
        ("", ["0.0.0.0/0", "::/0"], False),
    ],
)
def test_calls_are_taken_from_what_is_listed_or_else_from_this_machine(
    source: str, allowed: list[str], taken: bool
) -> None:
    assert is_allowed(source_of(source), allowed) is taken
