"""One account on a real socket: it connects, keeps what it hears, and comes back from everything."""

from __future__ import annotations

import pytest
from django.db import OperationalError

from mattermost_bridge.listeners import writer
from mattermost_bridge.listeners.session import Session
from mattermost_bridge.models import ConnectionChange, InboundEvent, SlashRegistration
from mattermost_bridge.sandbox.testing import wait_for
from mattermost_bridge.services import accounts, audit, inbox, listeners
from tests.listeners.conftest import bot_account, lease_of, until_phase

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("long_leases")]


def event(text: str) -> InboundEvent:
    return wait_for(lambda: InboundEvent.objects.filter(text=text).first(), what=f"the event {text!r}")


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


def test_news_of_teams_have_slash_commands_looked_at(sandbox, start_host):
    account = bot_account(sandbox)
    SlashRegistration.objects.create(account=account, state="done")
    start_host()
    until_phase(account, "ready")
    for news in (lambda: sandbox.may_make_commands("durar"), lambda: sandbox.in_team("durar", inside=False)):
        SlashRegistration.objects.update(due_at=None)
        news()
        wait_for(lambda: SlashRegistration.objects.get().due_at, what="a run that is due")


def test_it_learns_who_the_bot_is(sandbox, start_host):
    account = bot_account(sandbox)

    start_host()
    until_phase(account, "ready")

    account.refresh_from_db()
    assert (account.bot_user_id, account.bot_username) == (sandbox.user_id("durar"), "durar")


def test_nothing_is_heard_before_the_bots_name_is_known(sandbox, start_host, clock):
    nameless = {"id": sandbox.user_id("durar"), "username": "", "is_bot": True}
    sandbox.fault("answer", status=200, body=nameless, path="/users/me$", who="durar", times=1)
    account = bot_account(sandbox)

    start_host()
    lease = until_phase(account, "backing_off")
    assert "without its name" in lease.reason
    assert sandbox.authentications("durar")["accepted"] == 0

    until_phase(account, "ready", clock)
    account.refresh_from_db()
    assert account.bot_username == "durar"


def test_what_people_do_is_kept(sandbox, start_host):
    account = bot_account(sandbox)
    start_host()
    until_phase(account, "ready")

    post = sandbox.post("carol", "@durar", "hello")
    sandbox.edit("carol", post["id"], "hello again")
    sandbox.react("carol", post["id"], "heart")
    sandbox.unreact("carol", post["id"], "heart")

    heard = event("hello")
    assert (heard.kind, heard.channel_type, heard.username, heard.state) == ("post", "D", "carol", "new")
    assert (heard.user_id, heard.caught_up) == (sandbox.user_id("carol"), False)
    assert (event("hello again").kind, event("hello again").channel_type) == ("edit", "D")
    wait_for(lambda: InboundEvent.objects.filter(kind="reaction").count() == 2)
    wait_for(lambda: account.cursors.filter(stored_until=post["create_at"]).exists())


def test_own_posts_and_reactions_are_no_events(sandbox, start_host):
    account = bot_account(sandbox)
    start_host()
    until_phase(account, "ready")

    post = sandbox.post("durar", "support", "by the bot")
    sandbox.react("durar", post["id"], "heart")
    sandbox.post("carol", "support", "by carol")

    event("by carol")
    assert not InboundEvent.objects.exclude(text="by carol").exists()
    assert account.cursors.filter(stored_until__gte=post["create_at"]).exists(), "own posts move the cursor, too"


@pytest.mark.parametrize(
    "break_it",
    [
        lambda sandbox: sandbox.drop_sockets("durar"),
        lambda sandbox: sandbox.gone(0.3),
        lambda sandbox: (sandbox.terminate(), sandbox.start()),
    ],
    ids=["socket dropped", "server away for a moment", "server started anew"],
)
def test_a_connection_that_ends_comes_back(sandbox, start_host, clock, break_it):
    account = bot_account(sandbox)
    start_host()
    until_phase(account, "ready")

    break_it(sandbox)
    until_phase(account, "backing_off")
    lease = until_phase(account, "ready", clock)

    assert lease.failures == 0
    sandbox.post("carol", "@durar", "are you there?")
    event("are you there?")


def test_a_gap_in_the_numbers_means_reconnecting_and_reading(sandbox, start_host, clock):
    account = bot_account(sandbox)
    start_host()
    until_phase(account, "ready")

    sandbox.deafen("durar", count=True)
    sandbox.post("carol", "@durar", "swallowed")
    sandbox.undeafen("durar")
    sandbox.post("carol", "@durar", "heard")

    lease = until_phase(account, "backing_off")
    assert "where" in lease.reason
    until_phase(account, "ready", clock)
    assert event("swallowed").caught_up


def test_silence_after_a_ping_means_reconnecting(sandbox, start_host, clock):
    account = bot_account(sandbox)
    start_host()
    until_phase(account, "ready")

    sandbox.deafen("durar", level="replies")
    lease = until_phase(account, "backing_off", clock, step=20)

    assert "did not answer a ping" in lease.reason
    until_phase(account, "ready", clock)


def test_a_deaf_connection_is_found_out_by_comparing(sandbox, start_host, clock, patient_pings):
    account = bot_account(sandbox)
    start_host()
    until_phase(account, "ready")

    sandbox.deafen("durar")  # it still answers pings, as a deaf server does
    sandbox.post("carol", "@durar", "into the void")
    sandbox.settings(clock_offset_ms=60_000)  # a minute later, by the server's clock
    lease = until_phase(account, "backing_off", clock, step=20)

    assert "deaf" in lease.reason
    assert event("into the void").caught_up
    until_phase(account, "ready", clock)


def test_a_comparison_that_finds_nothing_missing_proves_more(sandbox, start_host, clock, patient_pings):
    account = bot_account(sandbox)
    start_host()
    before = until_phase(account, "ready").proven_until

    def proven_more() -> bool:
        clock.advance(20)
        return lease_of(account).proven_until > before

    wait_for(proven_more)
    assert lease_of(account).phase == "ready"


def test_pongs_alone_prove_nothing(sandbox, start_host, clock, patient_pings, monkeypatch):
    pongs = []
    heard = Session._replied
    monkeypatch.setattr(Session, "_replied", lambda self, reply: (heard(self, reply), pongs.append(reply)))
    account = bot_account(sandbox)
    start_host()
    before = until_phase(account, "ready").proven_until
    asked = len(sandbox.requests(path="/channels"))

    for count in range(2, 7):
        clock.advance(30)
        wait_for(lambda count=count: len(pongs) == count, what="a pong")

    assert len(sandbox.requests(path="/channels")) == asked, "no comparison was due yet"
    assert lease_of(account).proven_until == before


def test_too_many_handshakes_wait_as_long_as_the_server_says(sandbox, start_host, clock):
    account = bot_account(sandbox)
    sandbox.fault("answer", path="^/websocket$", status=429, headers={"Retry-After": "40"})

    start_host()
    lease = until_phase(account, "backing_off")

    assert lease.next_try_at is not None
    assert (lease.next_try_at - lease.since).total_seconds() > 39
    clock.advance(30)
    assert sandbox.authentications("durar")["accepted"] == 0
    until_phase(account, "ready", clock)


def test_an_operators_reconnect_opens_a_new_connection(sandbox, start_host, clock):
    account = bot_account(sandbox)
    start_host()
    until_phase(account, "ready")

    listeners.request_reconnect(account, audit.SYSTEM)

    def again() -> bool:
        clock.advance(1)
        return sandbox.authentications("durar")["accepted"] == 2

    wait_for(again)
    until_phase(account, "ready", clock)
    assert sandbox.sockets("durar") == 1


def test_a_disabled_account_is_let_go_and_taken_again(sandbox, start_host, clock):
    account = bot_account(sandbox)
    start_host()
    until_phase(account, "ready")

    accounts.disable(account.pk, actor=audit.SYSTEM)
    lease = until_phase(account, "disabled", clock)
    assert lease.holder == ""
    wait_for(lambda: sandbox.sockets("durar") == 0)

    accounts.enable(account.pk, actor=audit.SYSTEM)
    until_phase(account, "ready", clock)


def test_an_account_without_a_token_says_what_is_missing(sandbox, start_host, clock):
    account = bot_account(sandbox, bot_token="")

    start_host()
    lease = until_phase(account, "not_configured", clock)

    assert "token" in lease.reason
    assert lease.holder == ""


def test_more_than_can_be_kept_in_time_is_fetched_again(sandbox, start_host, clock, monkeypatch):
    account = bot_account(sandbox)
    start_host()
    until_phase(account, "ready")

    monkeypatch.setattr(writer, "QUEUE", 0)
    sandbox.post("carol", "@durar", "one too many")
    lease = until_phase(account, "backing_off")
    monkeypatch.undo()

    assert "More came in" in lease.reason
    until_phase(account, "ready", clock)
    assert event("one too many").caught_up


def test_a_database_that_is_away_ends_the_connection_and_nothing_is_lost(sandbox, start_host, clock, monkeypatch):
    account = bot_account(sandbox)
    start_host()
    until_phase(account, "ready")

    def away(*_args: object, **_more: object) -> None:
        raise OperationalError("the database is away")

    monkeypatch.setattr(inbox, "record", away)
    sandbox.post("carol", "@durar", "who keeps this?")
    lease = until_phase(account, "backing_off")
    monkeypatch.undo()

    assert "database" in lease.reason
    until_phase(account, "ready", clock)
    assert event("who keeps this?").caught_up
