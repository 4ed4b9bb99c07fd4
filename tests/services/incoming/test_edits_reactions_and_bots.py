"""Edits that add a mention, reactions, other bots and webhooks, and what catch-up finds too late."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.utils import timezone

from mattermost_bridge.config import effective
from mattermost_bridge.models import (
    AccessEntry,
    BlockedUser,
    Conversation,
    InboundEvent,
    KnownPerson,
    PairingRequest,
    Turn,
)
from mattermost_bridge.services import inbox
from tests.bridge import direct_post, make_account, post
from tests.services.fake_server import refused
from tests.services.incoming.making import ROOT, edit_of, open_account, reaction_on, reasons

pytestmark = pytest.mark.django_db(transaction=True)
FROM_BOT = {"from_bot": True}


class TestEdits:
    def test_an_edit_that_adds_a_mention_wakes_the_bot_once(self, hinted, server):
        account = open_account()
        draft = post("hello")
        edits = [
            edit_of(draft, text, later_ms=1000 * number)
            for number, text in enumerate(["hello there", "@durar hello", "@durar hello!", "hello", "@durar hello"], 1)
        ]
        inbox.record(account.pk, [draft, *edits])
        hinted.run()
        assert server.texts() == ["You said: hello"]
        assert [reason for _, _, reason in reasons()] == [
            *("no_mention", "edit_not_considered", "admitted_mentioned"),
            *["edit_not_considered"] * 3,
        ]

    def test_in_whatever_order_the_workers_decide(self, hinted, server):
        account = open_account()
        draft = post("hello")
        inbox.record(account.pk, [draft, edit_of(draft, "@durar a"), edit_of(draft, "@durar b", later_ms=2000)])
        hinted.given.reverse()
        hinted.run()
        assert server.texts() == ["You said: a"]

    @pytest.mark.parametrize("undecided", [True, False])
    def test_a_post_that_was_admitted_without_a_mention_is_not_answered_again(self, hinted, server, undecided):
        account = open_account(chatmode="onchar")
        draft = post("> hello")
        inbox.record(account.pk, [draft])
        if not undecided:
            hinted.run()
        inbox.record(account.pk, [edit_of(draft, "> hello @durar")])
        hinted.given.reverse()
        hinted.run()
        assert server.texts() == ["You said: hello"]

    def test_an_edit_of_a_post_that_was_never_heard_wakes_nobody(self, hinted, server):
        account = open_account()
        inbox.record(account.pk, [edit_of(post("hello"), "@durar hello")])
        hinted.run()
        assert reasons() == [("@durar hello", "decided", "edit_not_considered")]

    def test_an_edit_is_its_author_s_also_where_names_are_listed(self, hinted, server):
        account = make_account(group_policy="allowlist", own_group_allow_from=True, name_matching=True)
        AccessEntry.objects.create(account=account, list="group", value="@carol")
        effective.bump_version()
        draft = post("hello")
        inbox.record(account.pk, [draft, edit_of(draft, "@durar hello")])
        hinted.run()
        assert server.texts() == ["You said: hello"]


class TestReactions:
    def test_a_reaction_is_noted_in_the_session_of_its_post_s_thread(self, hinted, server):
        account = open_account()
        inbox.record(account.pk, [post("@durar hello", root=ROOT), post("@durar outside")])
        hinted.run()
        inside, outside = server.posts
        inbox.record(account.pk, [reaction_on(inside.id), reaction_on(outside.id), reaction_on(ROOT)])
        hinted.run()
        noted = InboundEvent.objects.filter(kind="reaction").order_by("pk")
        assert {(one.state, one.outcome, one.reason) for one in noted} == {("noted", "admitted", "reaction_noted")}
        assert [bool(one.conversation.root_id) for one in noted] == [True, False, False]
        assert Turn.objects.count() == 2

    def test_the_agent_s_next_turn_takes_it(self, hinted, server):
        account = open_account()
        inbox.record(account.pk, [direct_post("hello")])
        hinted.run()
        made = server.posts[0].id
        inbox.record(account.pk, [reaction_on(made, channel="dmcarol", channel_type="D"), direct_post("and now")])
        hinted.run()
        reaction = InboundEvent.objects.get(kind="reaction")
        assert reaction.turn == Turn.objects.latest("pk")
        assert server.texts() == ["You said: hello", "You said: and now"]

    def test_where_nothing_was_said_to_the_bot_it_is_ignored(self, hinted, server):
        account = open_account()
        inbox.record(account.pk, [post("just talking"), reaction_on("p".ljust(26, "p"))])
        hinted.run()
        assert reasons()[1] == ("eyes", "decided", "reaction_no_session")
        assert not Conversation.objects.exists()

    def test_nobody_is_asked_to_pair_for_a_reaction(self, hinted, server):
        account = make_account(dm_policy="pairing")
        inbox.record(account.pk, [reaction_on("p".ljust(26, "p"), channel="dmcarol", channel_type="D")])
        hinted.run()
        assert reasons() == [("eyes", "decided", "reaction_not_paired")]
        assert not PairingRequest.objects.exists()
        assert not server.posts

    def test_people_who_are_listed_by_name_are_known_by_it(self, hinted, server):
        account = make_account(group_policy="allowlist", own_group_allow_from=True, name_matching=True)
        AccessEntry.objects.create(account=account, list="group", value="@carol")
        KnownPerson.objects.create(account=account, user_id="carol".ljust(26, "u"), username="Carol")
        effective.bump_version()
        inbox.record(account.pk, [post("@durar hello")])
        hinted.run()
        inbox.record(account.pk, [reaction_on(server.posts[0].id)])
        hinted.run()
        assert reasons()[1] == ("eyes", "noted", "reaction_noted")

    def test_a_reaction_of_somebody_who_is_blocked_is_refused(self, hinted, server):
        account = open_account()
        BlockedUser.objects.create(account=account, user_id="carol".ljust(26, "u"))
        effective.bump_version()
        inbox.record(account.pk, [reaction_on("p".ljust(26, "p"))])
        hinted.run()
        assert reasons() == [("eyes", "decided", "blocked")]


class TestBots:
    def test_bots_and_webhooks_are_not_answered_unless_the_account_allows_it(self, hinted, server):
        account = open_account()
        inbox.record(account.pk, [post("@durar a", payload=FROM_BOT), post("@durar b", payload={"from_webhook": True})])
        hinted.run()
        assert [reason for _, _, reason in reasons()] == ["other_bot", "other_webhook"]

    def test_a_pair_of_bots_has_a_budget_that_holds_over_restarts_and_ends(self, hinted, server):
        account = open_account(answers_bots=True, bot_turns=3)
        drafts = [post(f"@durar {number}", user="robot", payload=FROM_BOT) for number in range(5)]
        for draft in drafts:
            inbox.record(account.pk, [draft])
            hinted.run()
            effective.forget()
        others = [
            post("@durar elsewhere", user="robot", channel="other", payload=FROM_BOT),
            post("@durar another", user="robot2", payload=FROM_BOT),
            post("@durar a person"),
            post("@durar later", user="robot", at=drafts[-1].create_at + 11 * 60 * 1000, payload=FROM_BOT),
        ]
        inbox.record(account.pk, others)
        hinted.run()
        found = [reason for _, _, reason in reasons()]
        assert found == [*["admitted_mentioned"] * 3, *["loop_budget"] * 2, *["admitted_mentioned"] * 4]

    def test_posts_that_are_decided_at_the_same_moment_share_the_budget(self, hinted, server):
        """Each saw the others undecided; when its turn begins it is counted again."""
        account = open_account(answers_bots=True, bot_turns=2)
        inbox.record(account.pk, [post(f"@durar {n}", user="robot", payload=FROM_BOT) for n in range(4)])
        hinted.given.reverse()
        hinted.run()
        assert [reason for _, _, reason in reasons()] == [*["admitted_mentioned"] * 2, *["loop_budget"] * 2]
        assert len(server.posts) == 2


def test_what_catch_up_finds_too_late_is_kept_and_not_answered(hinted, server):
    account = open_account(answer_within_hours=1)
    now = int(timezone.now().timestamp() * 1000)
    hour = 3_600_000
    drafts = [direct_post("old", at=now - 2 * hour), direct_post("young", at=now - hour // 2)]
    inbox.record(account.pk, [replace(draft, caught_up=True) for draft in drafts])
    hinted.run()
    assert reasons() == [("old", "decided", "too_old"), ("young", "answered", "admitted_dm_open")]


def test_a_kind_that_nothing_is_done_with_is_kept_and_ignored(hinted, server):
    account = open_account()
    inbox.record(account.pk, [replace(post("/oc_help"), kind="command")])
    hinted.run()
    assert reasons() == [("/oc_help", "decided", "kind_not_used")]


def test_a_channel_that_cannot_be_seen_any_more_ends_the_waiting_for_its_type(hinted, server):
    account = open_account()

    def gone(channel_id):
        raise refused(404, "app.channel.get.existing.app_error")

    server.channel = gone
    inbox.record(account.pk, [post("@durar hello", channel_type="")])
    hinted.run()
    assert reasons() == [("@durar hello", "decided", "channel_gone")]
