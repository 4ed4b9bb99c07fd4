"""One account on a real socket: it connects, keeps what it hears, and comes back from everything."""

from __future__ import annotations

import pytest

from mattermost_bridge.models import ConnectionChange, InboundEvent
from mattermost_bridge.sandbox.testing import wait_for
from tests.listeners.conftest import bot_account, lease_of, until_phase

pytestmark = pytest.mark.django_db(transaction=True)


def texts() -> list[str]:
    return list(InboundEvent.objects.order_by("create_at", "post_id").values_list("text", flat=True))


def test_it_connects_and_says_each_step(sandbox, start_host):
    account = bot_account(sandbox)

    start_host()
    lease = until_phase(account, "ready")

    changes = list(ConnectionChange.objects.order_by("id").values_list("old", "new"))
    assert changes == [
        ("stopped", "connecting"),
        ("connecting", "authenticating"),
        ("authenticating", "catching_up"),
        ("catching_up", "ready"),
    ]
    assert lease.holder == "host-1"
    assert lease.server_version.startswith("5.37")
    assert lease.proven_until > 0


def test_it_learns_who_the_bot_is(sandbox, start_host):
    account = bot_account(sandbox)

    start_host()
    until_phase(account, "ready")

    account.refresh_from_db()
    assert (account.bot_user_id, account.bot_username) == (sandbox.user_id("durar"), "durar")


def test_what_people_write_is_kept_with_its_author(sandbox, start_host):
    account = bot_account(sandbox)
    start_host()
    until_phase(account, "ready")

    sandbox.post("carol", "@durar", "hello")

    event = wait_for(lambda: InboundEvent.objects.filter(text="hello").first())
    assert (event.kind, event.channel_type, event.username, event.state) == ("post", "D", "carol", "new")
    assert event.user_id == sandbox.user_id("carol")
    assert not event.caught_up


def test_a_dropped_socket_loses_nothing(sandbox, start_host, clock):
    account = bot_account(sandbox)
    start_host()
    until_phase(account, "ready")

    sandbox.drop_sockets("durar")
    until_phase(account, "backing_off")
    sandbox.post("carol", "@durar", "while away")
    until_phase(account, "ready", clock)

    event = wait_for(lambda: InboundEvent.objects.filter(text="while away").first())
    assert event.caught_up
    assert event.username == "carol"
