"""Edits and reactions that happened while nobody listened are found when somebody does again, once each."""

from __future__ import annotations

import pytest

from mattermost_bridge.listeners.changes import missed
from mattermost_bridge.mattermost.types import Channel, Post, Reaction
from mattermost_bridge.models import Conversation, InboundEvent
from mattermost_bridge.sandbox.testing import wait_for
from mattermost_bridge.services.reading import StandingReaction
from tests.listeners.conftest import bot_account, until_phase

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("long_leases")]

CHANNEL = Channel("c" * 26, "O")
BOT = "b" * 26


@pytest.fixture
def listening(sandbox, start_host, clock):
    """The bot listens; calling what this returns makes it miss what is done meanwhile."""
    account = bot_account(sandbox)
    start_host()
    until_phase(account, "ready")

    def miss(*deeds):
        sandbox.drop_sockets("durar")
        until_phase(account, "backing_off")
        for deed, *arguments in deeds:
            deed(*arguments)
        until_phase(account, "ready", clock)

    return account, miss


def kept(kind: str) -> list[tuple[str, str, bool]]:
    rows = InboundEvent.objects.filter(kind=kind).order_by("create_at", "id")
    return [(row.post_id, row.text, bool(row.payload.get("removed"))) for row in rows]


def heard(sandbox, channel: str, text: str) -> str:
    """The id of a post that the bot heard live."""
    post = sandbox.post("carol", channel, text)
    wait_for(lambda: InboundEvent.objects.filter(post_id=post["id"]).exists())
    return post["id"]


def talk_in(account, channel_id: str) -> None:
    Conversation.objects.create(account=account, session_key=f"test:{channel_id}", channel_id=channel_id)


def test_an_edit_that_was_missed_is_kept_once(sandbox, listening):
    _account, miss = listening
    post_id = heard(sandbox, "support", "no name in it")

    miss((sandbox.edit, "carol", post_id, "@durar now it has one"))
    miss()

    assert kept("edit") == [(post_id, "@durar now it has one", False)]
    assert InboundEvent.objects.get(kind="edit").caught_up


def test_what_was_written_and_edited_while_nobody_listened_is_one_post(sandbox, listening):
    _account, miss = listening

    def write_and_edit():
        sandbox.edit("carol", sandbox.post("carol", "support", "frist")["id"], "first")

    miss((write_and_edit,))

    assert [text for _, text, _ in kept("post")] == ["first"]
    assert kept("edit") == []


def test_reactions_are_found_where_the_bot_was_talked_to(sandbox, listening):
    account, miss = listening
    post_id = heard(sandbox, "support", "one")
    talk_in(account, sandbox.channel_id("support"))

    miss((sandbox.react, "carol", post_id, "thumbsup"))
    miss()

    assert kept("reaction") == [(post_id, "thumbsup", False)]


def test_a_reaction_that_was_taken_back_meanwhile_is_said_so_once(sandbox, listening):
    account, miss = listening
    post_id = heard(sandbox, "support", "one")
    talk_in(account, sandbox.channel_id("support"))
    sandbox.react("carol", post_id, "eyes")
    wait_for(lambda: kept("reaction") == [(post_id, "eyes", False)])

    miss((sandbox.unreact, "carol", post_id, "eyes"))
    miss()

    assert kept("reaction") == [(post_id, "eyes", False), (post_id, "eyes", True)]


def test_a_reaction_that_was_heard_is_not_found_again(sandbox, listening):
    account, miss = listening
    post_id = heard(sandbox, "support", "one")
    talk_in(account, sandbox.channel_id("support"))
    sandbox.react("carol", post_id, "eyes")
    wait_for(lambda: len(kept("reaction")) == 1)

    miss()

    assert kept("reaction") == [(post_id, "eyes", False)]


def test_own_edits_and_reactions_deleted_posts_and_old_ones_are_no_news():
    mine, theirs = Reaction(BOT, "ok", 2000), Reaction("u" * 26, "ok", 500)
    changed = [
        Post("p1", create_at=10, edit_at=2000, user_id=BOT, reactions=(mine,)),
        Post("p2", create_at=10, edit_at=2000, delete_at=2000, user_id="u" * 26),
        Post("p3", create_at=10, edit_at=900, update_at=2000, user_id="u" * 26, reactions=(theirs,)),
    ]
    standing = [StandingReaction("p2", "ok", "u" * 26, 400), StandingReaction("p3", "ok", "u" * 26, 500)]

    assert missed(CHANNEL, changed, standing, bot_id=BOT, since_ms=1000, new=()) == []


def test_they_come_in_the_order_in_which_they_happened():
    changed = [
        Post("p1", edit_at=3000, update_at=3000, user_id="u" * 26, reactions=(Reaction("v" * 26, "ok", 2000),)),
        Post("p2", edit_at=2500, update_at=4000, user_id="u" * 26),
    ]

    found = missed(CHANNEL, changed, [StandingReaction("p2", "no", "u" * 26, 5)], bot_id=BOT, since_ms=1000, new=())

    assert [(draft.kind, draft.create_at) for draft in found] == [
        ("reaction", 2000),
        ("edit", 2500),
        ("edit", 3000),
        ("reaction", 4000),
    ]
