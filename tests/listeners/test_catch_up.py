"""What is written while nobody listens is read when somebody does again: all of it, once, in order, and no history."""

from __future__ import annotations

import pytest

from mattermost_bridge.models import Account, Delivery, InboundEvent, KnownChannel, KnownPerson
from mattermost_bridge.models.states import DeliveryState
from mattermost_bridge.sandbox.testing import wait_for
from mattermost_bridge.services.inbox import Draft, record
from tests.listeners.conftest import bot_account, lease_of, until_phase

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("long_leases")]


def texts(**which) -> list[str]:
    rows = InboundEvent.objects.filter(**which).exclude(payload__type__startswith="system_")
    return list(rows.order_by("create_at", "post_id").values_list("text", flat=True))


@pytest.fixture
def away(sandbox, start_host, clock):
    """The bot listened once and is away now; calling what this returns brings it back."""
    account = bot_account(sandbox)
    host = start_host()
    until_phase(account, "ready")
    host.stop()
    wait_for(lambda: sandbox.sockets("durar") == 0)

    def back():
        start_host(holder="host-2")
        until_phase(account, "ready")
        return account

    return back


def test_the_first_connection_ever_answers_no_history(sandbox, start_host):
    sandbox.post("carol", "@durar", "long ago")
    sandbox.post("carol", "support", "@durar long ago")
    account = bot_account(sandbox)

    start_host()
    until_phase(account, "ready")
    sandbox.post("carol", "@durar", "now")

    wait_for(lambda: texts(state="new") == ["now"])
    assert sorted(texts(state="decided")) == ["@durar long ago", "long ago"]
    assert set(InboundEvent.objects.filter(state="decided").values_list("reason", flat=True)) == {"before_listening"}


def test_history_stays_history_after_a_reconnect(sandbox, start_host, clock):
    sandbox.post("carol", "@durar", "long ago")
    account = bot_account(sandbox)
    start_host()
    until_phase(account, "ready")

    sandbox.drop_sockets("durar")
    until_phase(account, "backing_off")
    until_phase(account, "ready", clock)

    assert texts(state="new") == []


def test_direct_messages_old_and_new_are_found_with_their_authors(sandbox, away):
    sandbox.channel_id("alice,durar")
    sandbox.post("alice", "@durar", "from an old one")
    sandbox.post("dave", "@durar", "from a new one")

    away()

    assert set(texts(state="new", caught_up=True)) >= {"from an old one", "from a new one"}
    assert set(InboundEvent.objects.filter(caught_up=True).values_list("username", flat=True)) == {"alice", "dave"}
    assert KnownPerson.objects.filter(username="dave").exists()


def test_channels_private_ones_and_threads_are_read_in_order(sandbox, away):
    root = sandbox.post("carol", "support", "one")
    reply = sandbox.post("alice", "support", "two", root_id=root["id"])
    last = sandbox.post("carol", "support", "three")

    away()

    # Of posts of one millisecond the id decides, as everywhere.
    in_order = sorted((root, reply, last), key=lambda post: (post["create_at"], post["id"]))
    assert texts(channel_type="O", caught_up=True) == [post["message"] for post in in_order]
    stored = InboundEvent.objects.filter(caught_up=True, channel_type="O").order_by("id")
    assert list(stored.values_list("post_id", flat=True)) == [post["id"] for post in in_order], "stored in that order"
    assert InboundEvent.objects.get(text="two").root_id == root["id"]


def test_more_than_a_thousand_posts_come_whole(sandbox, away):
    sandbox.post_many("carol", "support", 1203, "number {n}")

    account = away()

    found = texts(channel_id=sandbox.channel_id("support"))
    assert len(found) == 1203
    assert len(set(found)) == 1203
    newest = InboundEvent.objects.order_by("-create_at").values_list("create_at", flat=True)[0]
    assert account.cursors.get(channel_id=sandbox.channel_id("support")).stored_until == newest


def test_a_channel_that_the_bot_was_invited_to_meanwhile_starts_when_it_was_last_here(sandbox, away):
    channel = sandbox.create_channel("carol", "newroom", private=True)
    sandbox.add_member("carol", "newroom", "durar")
    sandbox.post("carol", "newroom", "@durar welcome")

    away()

    assert "@durar welcome" in texts(channel_id=channel["id"], state="new", channel_type="P")
    assert KnownChannel.objects.get(channel_id=channel["id"]).type == "P"


def test_deleted_posts_are_not_brought_back(sandbox, away):
    post = sandbox.post("carol", "@durar", "never mind")
    sandbox.delete("carol", post["id"])
    sandbox.post("carol", "@durar", "hello")

    away()

    assert texts(state="new") == ["hello"]


def test_an_edit_that_raises_last_post_at_brings_nothing_twice(sandbox, start_host, clock):
    account = bot_account(sandbox)
    start_host()
    until_phase(account, "ready")
    post = sandbox.post("carol", "@durar", "first")
    wait_for(lambda: texts(kind="post") == ["first"])

    sandbox.drop_sockets("durar")
    until_phase(account, "backing_off")
    sandbox.edit("carol", post["id"], "first, corrected")
    until_phase(account, "ready", clock)

    assert texts(kind="post") == ["first"]


def test_own_posts_settle_their_deliveries_and_are_no_events(sandbox, away, clock):
    channel_id = sandbox.channel_id("carol,durar")
    delivery = Delivery.objects.create(
        account=Account.objects.get(), channel_id=channel_id, text="answer", state=DeliveryState.QUEUED, unclear=True
    )
    sandbox.post("durar", "@carol", "answer", props={"durar_mark": delivery.mark})

    away()

    def settled() -> bool:
        clock.advance(1)
        delivery.refresh_from_db()
        return delivery.state == DeliveryState.SENT

    wait_for(settled)
    assert texts() == []


def test_events_that_a_dead_worker_held_back_are_let_go(sandbox, away):
    channel_id = sandbox.channel_id("carol,durar")
    record(
        Account.objects.get().pk,
        [Draft("post", "heldpost", channel_id, "D", "heldpost", text="held", create_at=1, payload={"type": ""})],
        held={channel_id},
    )
    assert InboundEvent.objects.get().state == "held"

    away()

    assert InboundEvent.objects.get(text="held").state == "new"


def test_posts_heard_while_catching_up_wait_for_those_before_them(sandbox, away, clock, start_host):
    sandbox.post("carol", "support", "before")
    held = sandbox.fault("hang", path="/posts$", method="GET", who="durar")
    account = Account.objects.get()

    start_host(holder="host-2")
    wait_for(lambda: sandbox.held(held) == 1)
    sandbox.post("carol", "support", "meanwhile")
    wait_for(lambda: texts(state="held") == ["meanwhile"])
    assert texts(state="new") == []
    cursor = account.cursors.filter(channel_id=sandbox.channel_id("support")).first()
    assert cursor is None or cursor.stored_until < InboundEvent.objects.get(text="meanwhile").create_at

    sandbox.release(held)
    until_phase(account, "ready")

    assert texts(state="new") == ["before", "meanwhile"]
    newest = InboundEvent.objects.get(text="meanwhile").create_at
    assert account.cursors.get(channel_id=sandbox.channel_id("support")).stored_until == newest


def test_a_server_that_asks_for_fewer_calls_is_obeyed_and_all_is_read(sandbox, away, clock, start_host):
    sandbox.post("carol", "support", "patience")
    sandbox.fault(
        "answer", status=429, path="/posts$", method="GET", who="durar", times=2, headers={"Retry-After": "7"}
    )

    start_host(holder="host-2")
    until_phase(Account.objects.get(), "ready", clock)

    assert "patience" in texts(state="new")


def test_a_catch_up_that_fails_half_way_is_done_again(sandbox, away, clock, start_host):
    sandbox.post("carol", "support", "one")
    sandbox.fault("answer", status=500, path="/posts$", method="GET", who="durar", times=1)
    account = Account.objects.get()
    before = lease_of(account).proven_until

    start_host(holder="host-2")
    lease = until_phase(account, "backing_off")
    assert lease.proven_until == before, "nothing is proven by half a catch-up"
    until_phase(account, "ready", clock)

    assert "one" in texts(state="new")


def test_a_channel_entered_while_listening_starts_there(sandbox, start_host, clock):
    account = bot_account(sandbox)
    start_host()
    until_phase(account, "ready")
    channel = sandbox.create_channel("carol", "newroom", private=True)
    sandbox.post("carol", "newroom", "we should ask @durar")

    sandbox.add_member("carol", "newroom", "durar")
    sandbox.post("carol", "newroom", "@durar hello")
    wait_for(lambda: texts(channel_id=channel["id"], state="new") == ["@durar hello"])
    wait_for(lambda: account.cursors.filter(channel_id=channel["id"]).exists())

    sandbox.drop_sockets("durar")
    until_phase(account, "backing_off")
    until_phase(account, "ready", clock)
    assert texts(channel_id=channel["id"], state="new") == ["@durar hello"]
    assert KnownChannel.objects.get(channel_id=channel["id"]).type == "P"


def test_a_bot_without_a_team_is_warned_about(sandbox, start_host):
    sandbox.fault("answer", status=200, body=[], path="/users/me/teams$", method="GET", times=None)
    account = bot_account(sandbox)

    start_host()
    lease = until_phase(account, "ready")

    assert "in no team" in lease.warning


def test_known_direct_channels_are_read_by_id_when_no_list_has_them(sandbox, start_host, clock):
    account = bot_account(sandbox)
    start_host()
    until_phase(account, "ready")
    sandbox.post("carol", "@durar", "now it is known")
    wait_for(lambda: KnownChannel.objects.filter(account=account, type="D").exists())

    sandbox.fault("answer", status=200, body=[], path="/users/me/teams$", method="GET", times=None)
    sandbox.drop_sockets("durar")
    until_phase(account, "backing_off")
    sandbox.post("carol", "@durar", "missed")
    until_phase(account, "ready", clock)

    assert texts(caught_up=True) == ["missed"]
