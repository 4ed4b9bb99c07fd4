"""A click is taken once, replaces the buttons, and comes to the agent as a message."""

from __future__ import annotations

import json
import threading
from datetime import timedelta

import pytest

from mattermost_bridge.config import effective
from mattermost_bridge.mattermost.attachments import build_button_attachments
from mattermost_bridge.models import BlockedUser, ButtonSet, Conversation, Delivery, InboundEvent, Turn
from mattermost_bridge.sandbox.ids import new_id
from tests.callbacks.conftest import click
from tests.sandbox.ears import Ear, post_in
from tests.sandbox.integration import Integration


@pytest.mark.parametrize("version", ["5.37", "11"])
def test_a_click_replaces_the_buttons_and_the_agent_answers_it(sandbox, offered, hints, version):
    sandbox.settings(version=version)
    post = offered()
    sandbox.pin("alice", post["id"])
    sandbox.react("bob", post["id"], "eyes")
    assert click(sandbox, post).status_code == 200
    seen = sandbox.api("alice", "GET", f"/posts/{post['id']}")
    assert seen["message"] == "Deploy?"
    assert seen["props"] == {
        "from_bot": "true",
        "durar_mark": post["props"]["durar_mark"],
        "attachments": [{"text": "✓ **Yes** selected by @alice"}],
    }
    assert seen["is_pinned"]
    assert [one["emoji_name"] for one in seen["metadata"]["reactions"]] == ["eyes"]

    (event,) = InboundEvent.objects.all()
    assert (event.kind, event.post_id, event.username) == ("click", post["id"], "alice")
    assert event.text == '[Button click: user @alice selected "Yes"]'
    assert (event.payload["button"], event.payload["value"]) == ("Yes", "y-es")
    hints.run()
    event.refresh_from_db()
    assert (event.state, event.outcome, event.reason) == ("answered", "admitted", "admitted_click")
    assert ["button", "Yes"] in [[check["name"], check["value"]] for check in event.trail]
    assert '[Button click: user @alice selected "Yes"]' in sandbox.posts("support")[-1]["message"]


def test_the_click_belongs_to_the_session_of_its_posts_thread(sandbox, offered, hints):
    root = sandbox.post("bob", "support", "a thread")["id"]
    post = offered(root_id=root)
    click(sandbox, post)
    hints.run()
    (conversation,) = Conversation.objects.all()
    assert conversation.session_key.endswith(f":thread:{root}")
    assert [(one["root_id"], one["user_id"]) for one in sandbox.posts("support")[-1:]] == [
        (root, sandbox.user_id("durar"))
    ]


def test_files_and_the_text_above_the_buttons_stay(sandbox, account, web, offered, hints):
    """A script posted the file; its buttons carry no generation."""
    attachments = build_button_attachments(
        [{"text": "Yes", "callback_data": "yes"}],
        callback_url=f"{web.base_url}/mattermost/interactions/default",
        bot_token=sandbox.token("durar"),
        text="Approve?",
    )
    files = [new_id()]
    post = sandbox.control("POST", "posts", who="durar", to="support", message="See the file", file_ids=files,
                           props={"attachments": attachments, "card": "kept"})["posts"][0]  # fmt: skip
    assert click(sandbox, post).status_code == 200
    seen = sandbox.api("alice", "GET", f"/posts/{post['id']}")
    assert seen["file_ids"] == files
    assert seen["props"]["card"] == "kept"
    assert seen["props"]["attachments"] == [{"text": "Approve?"}, {"text": "✓ **Yes** selected by @alice"}]
    assert ButtonSet.objects.get().post_id == post["id"]


def test_fifty_equal_clicks_at_once_have_one_effect_and_need_one_look(sandbox, account, web, offered, hints):
    post = offered()
    payloads = _payloads(sandbox, account, web, post, 50)
    sandbox.control("DELETE", "requests")
    answers = []
    threads = [threading.Thread(target=lambda one=one: answers.append(web.post(one))) for one in payloads]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [answer.status_code for answer in answers] == [200] * 50
    bodies = [answer.json() for answer in answers]
    assert len({json.dumps(body["update"], sort_keys=True) for body in bodies}) == 1
    assert sum("ephemeral_text" not in body for body in bodies) == 1
    assert {body["ephemeral_text"] for body in bodies if "ephemeral_text" in body} == {
        "You have selected “Yes” already."
    }
    assert len(sandbox.requests(method="GET", path=f"/posts/{post['id']}$")) == 1
    hints.run()
    assert (InboundEvent.objects.count(), Turn.objects.count(), Delivery.objects.count()) == (1, 1, 2)
    assert ButtonSet.objects.exclude(used_at=None).count() == 1


def _payloads(sandbox, account, web, post, count):
    """What Mattermost would send for clicks by alice on one button: it is caught on its way, once."""
    with Integration() as program:
        context = Delivery.objects.get(post_id=post["id"]).props["attachments"][0]["actions"][0]["integration"][
            "context"
        ]
        action = {"id": "yes", "name": "Yes", "type": "button", "integration": {"url": program.url, "context": context}}
        other = sandbox.post("durar", "support", "caught", props={"attachments": [{"actions": [action]}]})
        for _ in range(count):
            click(sandbox, other)
        return [{**call, "post_id": post["id"]} for call in program.calls]


def test_a_later_click_gets_the_same_look_and_a_friendly_word(sandbox, account, web, offered):
    post = offered()
    first, second = _payloads(sandbox, account, web, post, 2)
    update = web.post(first).json()["update"]
    answer = web.post({**second, "user_id": sandbox.user_id("bob"), "user_name": "bob"}).json()
    assert answer == {"update": update, "ephemeral_text": "“Yes” was already selected by @alice."}
    assert InboundEvent.objects.count() == 1


def test_the_other_button_of_a_used_set_does_nothing_more(sandbox, account, web, offered):
    post = offered()
    first, second = _payloads(sandbox, account, web, post, 2)
    # The answer to the first click was lost on its way: the buttons still stand there.
    web.post(first)
    assert sandbox.api("alice", "GET", f"/posts/{post['id']}")["props"]["attachments"][0]["actions"]
    click(sandbox, post, "no", who="bob")
    assert InboundEvent.objects.count() == 1
    seen = sandbox.api("alice", "GET", f"/posts/{post['id']}")
    assert seen["props"]["attachments"] == [{"text": "✓ **Yes** selected by @alice"}]
    assert web.post(second).status_code == 200


def test_who_may_not_use_the_bot_uses_nothing_up(sandbox, account, offered, hints):
    post = offered()
    BlockedUser.objects.create(account=account, user_id=sandbox.user_id("dave"))
    account.group_policy = "allowlist"
    account.save()
    _changed()
    with Ear(sandbox, "bob") as bob:
        assert click(sandbox, post, who="bob").status_code == 200
        note = post_in(bob.event("ephemeral_message"))
    assert note["message"] == "Durar ignored this action for ~support."
    assert click(sandbox, post, who="dave").status_code == 200
    refused = list(InboundEvent.objects.order_by("pk"))
    assert [(one.state, one.outcome, one.reason) for one in refused] == [
        ("decided", "refused", "group_list_empty"),
        ("decided", "refused", "blocked"),
    ]
    assert all(one.trail for one in refused)
    assert sandbox.api("alice", "GET", f"/posts/{post['id']}")["props"] == post["props"]

    account.group_policy = "open"
    account.save()
    _changed()
    click(sandbox, post, who="alice")
    hints.run()
    assert InboundEvent.objects.filter(outcome="admitted").count() == 1
    assert Turn.objects.count() == 1


def _changed():
    effective.bump_version()


def test_a_stranger_in_a_direct_message_is_not_asked_to_pair(sandbox, offered, hints):
    post = offered("alice,durar")
    with Ear(sandbox, "alice") as alice:
        click(sandbox, post)
        note = post_in(alice.event("ephemeral_message"))
    assert note["message"] == "Durar ignored this action for this direct message."
    hints.run()
    assert InboundEvent.objects.get().reason == "click_not_paired"
    assert [one["message"] for one in sandbox.posts("alice,durar")] == ["Deploy?"]


def test_buttons_for_one_person_are_theirs(sandbox, offered, hints):
    post = offered(opener_id=sandbox.user_id("alice"))
    with Ear(sandbox, "bob") as bob:
        click(sandbox, post, who="bob")
        assert post_in(bob.event("ephemeral_message"))["message"].startswith("Only the person these buttons")
    click(sandbox, post, who="alice")
    hints.run()
    assert list(InboundEvent.objects.order_by("pk").values_list("reason", flat=True)) == [
        "click_not_opener",
        "admitted_click",
    ]


def test_buttons_whose_time_is_over_say_so(sandbox, offered, hints):
    post = offered(valid_for=timedelta(0))
    with Ear(sandbox, "alice") as alice:
        click(sandbox, post)
        assert "too old" in post_in(alice.event("ephemeral_message"))["message"]
    assert InboundEvent.objects.count() == 0


def test_a_click_without_an_agent_waits_for_one(sandbox, account, offered, hints):
    post = offered()
    account.agent = None
    account.save()
    _changed()
    click(sandbox, post)
    hints.run()
    event = InboundEvent.objects.get()
    assert (event.state, event.reason) == ("waiting", "no_agent")
    assert "selected by @alice" in str(sandbox.api("alice", "GET", f"/posts/{post['id']}")["props"])


def test_a_set_of_one_post_does_not_work_in_another(sandbox, account, web, offered):
    one, other = offered(), offered()
    (payload,) = _payloads(sandbox, account, web, one, 1)
    answer = web.post({**payload, "post_id": other["id"]})
    assert (answer.status_code, answer.json()) == (403, {"error": "Unknown action"})
    assert InboundEvent.objects.count() == 0
