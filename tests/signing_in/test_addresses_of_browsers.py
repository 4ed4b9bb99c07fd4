"""From where somebody acts: what a header says counts only when a proxy of ours says it."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from django.test import RequestFactory

from mattermost_bridge.client_address import client_address
from mattermost_bridge.models import AuditEntry
from mattermost_bridge.services import audit
from mattermost_bridge.services.audit import Actor
from tests import factories

OURS = [ip_network("10.0.0.0/8"), ip_network("2001:db8::/32")]


@pytest.mark.parametrize(
    ("peer", "header", "expected"),
    [
        ("203.0.113.9", "", "203.0.113.9"),
        ("203.0.113.9", "192.0.2.1", "203.0.113.9"),
        ("10.0.0.5", "192.0.2.1", "192.0.2.1"),
        ("10.0.0.5", "198.51.100.1, 192.0.2.1", "192.0.2.1"),
        ("10.0.0.5", "198.51.100.1, 192.0.2.1, 10.9.9.9", "192.0.2.1"),
        ("10.0.0.5", "10.1.1.1", "10.1.1.1"),
        ("10.0.0.5", "", "10.0.0.5"),
        ("10.0.0.5", "unknown", "10.0.0.5"),
        ("2001:db8::1", "2001:db9::7", "2001:db9::7"),
        ("::ffff:10.0.0.5", "192.0.2.1", "192.0.2.1"),
        ("", "192.0.2.1", ""),
    ],
)
def test_the_last_address_that_is_no_proxy_of_ours(settings, peer, header, expected):
    settings.TRUSTED_PROXIES = OURS
    request = RequestFactory().get("/", REMOTE_ADDR=peer, HTTP_X_FORWARDED_FOR=header)
    assert client_address(request) == expected


def test_without_proxies_no_header_is_believed():
    request = RequestFactory().get("/", REMOTE_ADDR="127.0.0.1", HTTP_X_FORWARDED_FOR="192.0.2.1")
    assert client_address(request) == "127.0.0.1"


def test_a_row_of_the_audit_log_says_from_where(alice, browser):
    account = factories.AccountFactory()
    browser("alice", "alice-password-1", "192.0.2.33").post(f"/mattermost_bridge/account/{account.pk}/do/disable/")
    assert AuditEntry.objects.get(account=account).address == "192.0.2.33"


def test_what_is_done_by_command_or_by_durar_itself_has_no_address(alice):
    with audit.acting_from("192.0.2.33"):
        audit.record(actor=Actor("root (terminal)", "command"), verb="x.y", summary="By command.")
        audit.record(actor=audit.SYSTEM, verb="x.y", summary="By itself.")
        audit.record(actor=Actor.of(alice), verb="x.y", summary="By hand.")
    assert [row.address for row in AuditEntry.objects.order_by("pk")] == ["", "", "192.0.2.33"]
