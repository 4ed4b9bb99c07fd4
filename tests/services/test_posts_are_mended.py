"""Posts that the server refuses for a reason that can be mended: once, and else they fail with the reason."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from mattermost_bridge.config import effective
from mattermost_bridge.mattermost.types import Post
from mattermost_bridge.models import Account, ButtonSet, Delivery
from mattermost_bridge.services import buttons, outbox, receipts
from tests.bridge import make_account
from tests.services.fake_server import refused

pytestmark = pytest.mark.django_db(transaction=True)
ROOM, ROOT, REPLY = "room".ljust(26, "1"), "root".ljust(26, "1"), "reply".ljust(26, "1")
TOO_LONG = "model.post.is_valid.msg.app_error"
PROPS = "model.post.is_valid.props.app_error"


@pytest.fixture(autouse=True)
def hints(hinted):
    return hinted


@pytest.fixture
def account():
    return make_account()


def post(account, text="hello", kind="answer", **values):
    return outbox.post(account_pk=account.pk, channel_id=ROOM, text=text, kind=kind, **values)


def states():
    return list(Delivery.objects.order_by("pk").values_list("state", flat=True))


@pytest.mark.parametrize("error_id", [TOO_LONG, "model.post.is_valid.message_length.app_error"])
@pytest.mark.parametrize(("said", "lengths"), [({"MaxPostSize": "40"}, [39, 39, 19]), ({}, [49, 49])])
def test_a_post_that_is_too_long_for_the_server_is_split_as_the_server_says(account, server, said, lengths, error_id):
    post(account, " ".join(["123456789"] * 10))
    server.client_config = lambda: said
    server.script = [refused(400, error_id)]
    outbox.drain(account.pk)
    assert [len(text) for text in server.texts()] == lengths
    assert " ".join(server.texts()) == " ".join(["123456789"] * 10)
    rows = list(Delivery.objects.order_by("pk"))
    assert [(row.part, row.parts) for row in rows] == [(n, len(lengths)) for n in range(1, len(lengths) + 1)]
    assert "was split into" in rows[0].mended


def test_parts_that_follow_stay_behind_what_was_split(account, server):
    Account.objects.update(text_chunk_limit=50)
    effective.bump_version()
    post(account, "\n".join(["a" * 49, "b" * 49, "c" * 49]))
    server.client_config = lambda: {"MaxPostSize": "30"}
    server.script = [refused(400, TOO_LONG)]
    outbox.drain(account.pk, most=2)
    server.script = [refused(400, TOO_LONG)] * 0
    outbox.drain(account.pk)
    assert "".join(server.texts()) == "a" * 49 + "b" * 49 + "c" * 49


def test_it_is_mended_once(account, server):
    post(account, "x" * 100)
    server.client_config = lambda: {}
    server.script = [refused(400, TOO_LONG), refused(400, TOO_LONG)]
    outbox.drain(account.pk)
    assert states()[0] == "dead"
    assert Delivery.objects.order_by("pk")[0].error == "Mattermost API 400"


@pytest.mark.parametrize("status_and_id", [(400, PROPS), (413, "api.context.request_body_too_large.app_error")])
def test_attachments_that_are_too_large_are_left_out(account, server, status_and_id):
    post(account, "choose", props={"attachments": [{"text": "x" * 9000}]})
    server.script = [refused(*status_and_id)]
    outbox.drain(account.pk)
    (made,) = server.posts
    assert (made.message, set(made.props)) == ("choose", {"durar_mark"})
    assert "goes without them" in Delivery.objects.get().mended


def test_attachments_that_are_all_there_is_are_not_left_out(account, server):
    post(account, "", props={"attachments": [{"text": "x" * 9000}]})
    server.script = [refused(400, PROPS)]
    outbox.drain(account.pk)
    assert states() == ["dead"]


def test_a_thread_named_by_a_reply_is_found(account, server):
    post(account, root_id=REPLY)
    server.post = lambda post_id: Post(id=post_id, channel_id=ROOM, root_id=ROOT)
    server.script = [refused(400, "api.post.create_post.root_id.app_error")]
    outbox.drain(account.pk)
    assert [one.root_id for one in server.posts] == [ROOT]


def test_a_thread_that_is_gone_lets_the_post_go_into_the_channel(account, server):
    post(account, root_id=ROOT)
    server.gone_roots = {ROOT}
    server.script = [refused(400, "api.post.create_post.root_id.app_error")]
    outbox.drain(account.pk)
    assert [one.root_id for one in server.posts] == [""]


def test_what_cannot_be_mended_fails_with_the_servers_reason(account, server):
    post(account)
    server.script = [refused(403, "api.context.permissions.app_error")]
    outbox.drain(account.pk)
    row = Delivery.objects.get()
    assert (row.state, row.error, row.mended) == ("dead", "Mattermost API 403", "")


def test_answers_look_as_the_account_says_and_what_durar_says_does_not(account, server):
    Account.objects.update(
        response_prefix="[bot]", markdown_tables="bullets", chunk_mode="newline", allow_mass_mentions=None
    )
    effective.bump_version()
    text = "Hi @all\n\n|a|b|\n|-|-|\n|1|2|\0"
    for kind, values in (("answer", {}), ("message", {}), ("message", {"by_agent": True}), ("challenge", {})):
        post(account, text, kind, **values)
    outbox.drain(account.pk)
    table = "**1**\n- b: 2"
    assert server.texts() == [
        *("[bot] Hi @\u200ball", table),
        *("Hi @all", table),
        *("[bot] Hi @\u200ball", table),
        "Hi @all\n\n|a|b|\n|-|-|\n|1|2|",
    ]


def test_an_account_may_let_answers_notify_everybody(account, server):
    Account.objects.update(allow_mass_mentions=True)
    effective.bump_version()
    post(account, "Hi @all")
    outbox.drain(account.pk)
    assert server.texts() == ["Hi @all"]


def test_a_split_is_kept_whole_or_not_at_all(account, server, monkeypatch):
    """The claim was taken over while the server was asked; or the worker dies in between."""
    post(account, " ".join(["123456789"] * 10))
    whole = Delivery.objects.get().text

    def somebody_else_claims():
        Delivery.objects.update(claimed_by="somebody else")
        return {"MaxPostSize": "40"}

    server.client_config = somebody_else_claims
    server.script = [refused(400, TOO_LONG)]
    outbox.drain(account.pk, most=1)
    row = Delivery.objects.get()
    assert (row.text, row.parts, row.mended) == (whole, 1, "")


def test_a_post_that_is_too_long_is_split_also_after_a_kill(account, server):
    """No attempt can have made it, so what the killed worker did is not in doubt."""
    post(account, " ".join(["123456789"] * 10))
    Delivery.objects.update(
        state="sending", claimed_by="killed", claim_until=timezone.now() - timedelta(seconds=1), since_ms=1
    )
    server.client_config = lambda: {"MaxPostSize": "40"}
    server.script = [refused(400, TOO_LONG)]
    outbox.drain(account.pk)
    assert " ".join(server.texts()) == " ".join(["123456789"] * 10)
    assert set(states()) == {"sent"}


@pytest.mark.parametrize("long_part", [0, 1])
def test_buttons_stand_under_the_last_part_also_after_a_split(account, server, long_part):
    """And their set goes with them: else a click would be taken for one in a foreign post."""
    Account.objects.update(text_chunk_limit=50)
    effective.bump_version()
    lines = ["a" * 49, "b" * 49]
    rows = buttons.offer(
        account_pk=account.pk,
        channel_id=ROOM,
        text="\n".join(lines[long_part:]),
        buttons=[[{"text": "Yes", "callback_data": "yes"}]],
    )
    server.client_config = lambda: {"MaxPostSize": "30"}
    server.script = [refused(400, TOO_LONG)]
    outbox.drain(account.pk)
    assert "".join(server.texts()) == "".join(lines[long_part:])
    assert [bool(one.props.get("attachments")) for one in server.posts] == [False] * (len(server.posts) - 1) + [True]
    assert ButtonSet.objects.get().delivery.post_id == server.posts[-1].id
    found = receipts.outcome([row.pk for row in rows])
    assert (found.fate, found.post_ids) == ("sent", tuple(one.id for one in server.posts))


def test_a_receipt_counts_the_parts_that_a_split_added(account, server):
    (only,) = post(account, " ".join(["123456789"] * 10), kind="message")
    server.client_config = lambda: {"MaxPostSize": "40"}
    server.script = [refused(400, TOO_LONG)]
    outbox.drain(account.pk, most=2)
    assert (receipts.outcome([only.pk]).fate, len(receipts.outcome([only.pk]).post_ids)) == ("waiting", 1)
    server.script = [refused(403, "api.context.permissions.app_error")]
    outbox.drain(account.pk)
    found = receipts.outcome([only.pk])
    assert (found.fate, found.sentence, len(found.post_ids)) == ("failed", "Mattermost API 403", 1)
    assert states() == ["sent", "dead", "cancelled"]


def test_a_part_that_fails_for_good_cancels_the_later_parts_of_its_text_and_nothing_else(account, server):
    Account.objects.update(text_chunk_limit=50)
    effective.bump_version()
    text = "\n".join(letter * 49 for letter in "abc")
    first, second = (post(account, text, kind="message") for _ in range(2))
    server.script = [None, refused(403, "api.context.permissions.app_error")]
    outbox.drain(account.pk)
    assert states() == ["sent", "dead", "cancelled", "sent", "sent", "sent"]
    assert receipts.outcome([row.pk for row in first]).fate == "failed"
    assert receipts.outcome([row.pk for row in second]).fate == "sent"
    (row,) = Delivery.objects.filter(state="cancelled")
    assert row.error == "An earlier part of this text could not be delivered."
