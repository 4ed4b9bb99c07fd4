"""Sessions, threads and agents: where an answer goes, who gives it, and in which session."""

from __future__ import annotations

import pytest

from mattermost_bridge.config import effective
from mattermost_bridge.models import Agent, Binding, BridgeDefaults, Conversation, Delivery, GroupOverride, Turn
from mattermost_bridge.services import inbox
from tests.bridge import direct_post, mattermost_id, post
from tests.services.incoming.making import ROOT, open_account, reasons

pytestmark = pytest.mark.django_db(transaction=True)
BASE = "agent:main:mattermost:default:channel:" + "support".ljust(26, "x")


def test_a_thread_is_begun_under_a_post_and_knows_its_channel_s_session(hinted, server):
    account = open_account(reply_to_mode="all")
    draft = post("@durar hello")
    inbox.record(account.pk, [draft])
    hinted.run()
    assert server.posts[0].root_id == draft.post_id
    session = Conversation.objects.get()
    assert (session.session_key, session.parent_key) == (f"{BASE}:thread:{draft.post_id}", BASE)
    assert (session.root_id, session.title) == (draft.post_id, "support".ljust(26, "x") + " (thread)")
    assert Turn.objects.get().reply_root == draft.post_id


def test_a_channel_s_own_reply_mode_counts_most(hinted, server):
    account = open_account(reply_to_mode="all", own_groups=True)
    GroupOverride.objects.create(account=account, channel_id="support".ljust(26, "x"), reply_to_mode="off")
    effective.bump_version()
    inbox.record(account.pk, [post("@durar hello"), post("@durar there", channel="other")])
    hinted.run()
    assert [bool(made.root_id) for made in server.posts] == [False, True]


def test_direct_messages_that_share_a_session_are_answered_each_in_its_own_channel(hinted, server):
    account = open_account(defaults={"dm_scope": "main"})
    inbox.record(account.pk, [direct_post("from carol"), direct_post("history", user="dave")])
    hinted.run()
    session = Conversation.objects.get()
    assert (session.session_key, session.peer_id) == ("agent:main:mattermost:default:main", "")
    assert [made.channel_id[:6] for made in server.posts] == ["dmcaro", "dmdave"]
    assert server.texts()[1] == "I was given 2 earlier messages."
    assert list(Delivery.objects.order_by("pk").values_list("recipient_id", flat=True)) == [
        "carol".ljust(26, "u"),
        "dave".ljust(26, "u"),
    ]


def test_linked_identities_share_a_session_under_their_name(hinted, server):
    links = {"Carol D": [f"mattermost:{'carol'.ljust(26, 'u')}", f"mattermost:{'dave'.ljust(26, 'u')}"]}
    account = open_account(defaults={"identity_links": links})
    inbox.record(account.pk, [direct_post("a"), direct_post("b", user="dave"), direct_post("c", user="erin")])
    hinted.run()
    assert sorted(Conversation.objects.values_list("title", "turns__question")) == [
        ("@erin", "c"),
        ("carol d", "a"),
        ("carol d", "b"),
    ]


def test_a_binding_names_the_agent_and_the_session_is_that_agent_s(hinted, server):
    account = open_account()
    other = Agent.objects.create(slug="other", backend="echo")
    Binding.objects.create(agent=other, account_id="default", peer_kind="channel", peer_id="support".ljust(26, "x"))
    effective.bump_version()
    inbox.record(account.pk, [post("@durar hello"), direct_post("hi")])
    hinted.run()
    session = Conversation.objects.get(channel_type="O")
    assert session.session_key.startswith("agent:other:mattermost:default:channel:")
    assert dict(Turn.objects.values_list("question", "agent__slug")) == {"hello": "other", "hi": "echo"}


def test_choosing_another_agent_for_the_account_keeps_its_conversations(hinted, server):
    account = open_account()
    inbox.record(account.pk, [direct_post("one")])
    hinted.run()
    account.agent = Agent.objects.create(slug="second", backend="echo")
    account.save()
    effective.bump_version()
    inbox.record(account.pk, [direct_post("history")])
    hinted.run()
    assert Conversation.objects.count() == 1
    assert server.texts()[1] == "I was given 2 earlier messages."
    assert Turn.objects.latest("pk").agent.slug == "second"


def test_two_accounts_in_one_channel_answer_each_their_own_in_sessions_of_their_own(hinted, server):
    one = open_account("one")
    two = open_account("two", bot_user_id=mattermost_id("otherbot"), bot_username="second")
    draft = post("@durar @second both")
    for account in (one, two):
        inbox.record(account.pk, [draft])
    hinted.run()
    assert Turn.objects.count() == 2
    keys = set(Conversation.objects.values_list("account__account_id", "session_key"))
    assert {(account, key.split(":")[3]) for account, key in keys} == {("one", "one"), ("two", "two")}


def test_one_event_never_runs_in_two_sessions(hinted, server):
    account = open_account(reply_to_mode="all")
    draft = post("@durar hello")
    inbox.record(account.pk, [draft])
    hinted.run()
    BridgeDefaults.objects.filter(pk=1).update(reply_to_mode="off")
    account.reply_to_mode = "off"
    account.save()
    effective.bump_version()
    inbox.record(account.pk, [draft])
    hinted.run()
    assert Turn.objects.count() == Conversation.objects.count() == len(server.posts) == 1


def test_an_answer_to_a_thread_that_was_deleted_goes_into_the_channel(hinted, server):
    account = open_account()
    server.gone_roots.add(ROOT)
    inbox.record(account.pk, [post("@durar long", root=ROOT)])
    hinted.run()
    rows = list(Delivery.objects.order_by("pk"))
    assert len(rows) > 1
    assert {(row.state, row.root_id) for row in rows} == {("sent", "")}
    assert [made.message for made in server.posts] == [row.text for row in rows]
    assert rows[0].attempts == 2
    assert rows[0].attempt_rows.count() == 1
    assert rows[1].attempts == 1


class TestFollowUps:
    def test_in_a_thread_in_which_the_bot_answered_no_mention_is_needed(self, hinted, server):
        account = open_account()
        inbox.record(account.pk, [post("@durar hello", root=ROOT)])
        hinted.run()
        made = server.posts[0].create_at
        day = 24 * 3600 * 1000
        inbox.record(
            account.pk,
            [
                post("and then?", root=ROOT, at=made + 1),
                post("elsewhere", root="other".ljust(26, "r"), at=made + 2),
                post("late", root=ROOT, at=made + 30 * day),
                post("not in a thread", at=made + 30 * day + 1),
            ],
        )
        hinted.run()
        assert [reason for _, _, reason in reasons()] == [
            "admitted_mentioned",
            "admitted_follow_up",
            "no_mention",
            "no_mention",
            "no_mention",
        ]

    def test_a_thread_under_the_bot_s_own_post_counts_too(self, hinted, server):
        account = open_account()
        inbox.record(account.pk, [post("@durar hello")])
        hinted.run()
        made = server.posts[0]
        inbox.record(account.pk, [post("why?", root=made.id, at=made.create_at + 1)])
        hinted.run()
        assert reasons()[1][2] == "admitted_follow_up"

    def test_an_account_may_switch_it_off(self, hinted, server):
        account = open_account(implicit_thread=False)
        inbox.record(account.pk, [post("@durar hello", root=ROOT)])
        hinted.run()
        inbox.record(account.pk, [post("and then?", root=ROOT, at=server.posts[0].create_at + 1)])
        hinted.run()
        assert reasons()[1][2] == "no_mention"
