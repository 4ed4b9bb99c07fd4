"""`Durar message` in both spellings, and what it prints and ends with."""

from __future__ import annotations

import json
import time
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from mattermost_bridge.config import effective
from mattermost_bridge.management.message_words import WrongWords, read_words
from mattermost_bridge.mattermost.rest import close_clients
from mattermost_bridge.models import Account, AuditEntry, Delivery, ListenerLease, OutboxState
from mattermost_bridge.sandbox.client import wait_for
from mattermost_bridge.services import hints, outbox, targets
from tests.bridge import TASKS, collected_hints, make_account

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def account(sandbox):
    targets.forget()
    yield make_account(
        base_url=sandbox.base_url, bot_token=sandbox.token("durar"), bot_user_id=sandbox.user_id("durar")
    )
    close_clients()


@pytest.fixture
def worker(monkeypatch):
    """Hints are done at once, as by a worker."""
    monkeypatch.setattr(hints, "send", lambda name, args: bool(TASKS[name](*args)) or True)
    monkeypatch.setattr(hints, "send_later", lambda name, args, seconds: True)


@pytest.fixture
def nobody():
    """No worker runs."""
    with collected_hints() as hinted:
        yield hinted


def message(*words):
    out = StringIO()
    call_command("message", *words, stdout=out)
    return out.getvalue()


def test_a_message_is_sent_and_the_receipt_names_post_and_link(sandbox, account, worker):
    out = message("send", "--channel", "mattermost", "--target", "#support", "--message", "Hello *all*")
    (post,) = sandbox.posts("support")
    assert post["message"] == "Hello *all*"
    assert out == f"Sent to {post['channel_id']}.\n{post['id']}\t{sandbox.base_url}/_redirect/pl/{post['id']}\n"
    assert AuditEntry.objects.get().verb == "message.send"


def test_the_words_of_tools_say_the_same_in_any_order(sandbox, account, worker):
    done = json.loads(
        message("action=send", "--json", "channel=mattermost", "target=@carol", "message=x = y", "accountId=default")
    )
    (post,) = sandbox.posts("carol,durar")
    assert post["message"] == "x = y"
    assert (done["ok"], done["state"], done["messageId"], done["channelId"]) == (
        True,
        "sent",
        post["id"],
        post["channel_id"],
    )
    assert done["links"] == [f"{sandbox.base_url}/_redirect/pl/{post['id']}"]


def test_a_message_into_a_thread(sandbox, account, worker):
    root = sandbox.post("carol", "support", "question")["id"]
    message("send", "-t", "support", "-m", "answer", "--reply-to", root)
    assert sandbox.posts("support")[-1]["root_id"] == root
    with pytest.raises(CommandError, match="is no post id"):
        message("send", "-t", "support", "-m", "answer", "--reply-to", "yesterday")


def test_what_was_not_delivered_says_why(sandbox, account, worker):
    elsewhere = sandbox.create_channel("carol", "secret", private=True)
    with pytest.raises(CommandError, match=r"was not delivered\. Mattermost API 403") as failed:
        message("send", "--target", f"channel:{elsewhere['id']}", "--message", "hello")
    assert failed.value.returncode == 1


def test_without_a_worker_it_says_so_and_the_message_stays_in_the_outbox(account, nobody, capsys):
    for wanted in (r"no worker runs .* Durar up", "token was revoked"):
        with pytest.raises(CommandError, match=wanted) as waits:
            message("send", "--target", "@carol", "--message", "hello", "--wait", "0")
        assert waits.value.returncode == 3
        OutboxState.objects.all().delete()
        outbox.park(account.pk, "The token was revoked.")
    assert Delivery.objects.filter(state="queued").count() == 2


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "The action is missing. Use one of: send"),
        (("sing",), "Unsupported Mattermost action: sing"),
        (("send", "--channel", "irc"), "Invalid channel: irc"),
        (("send", "-m", "hello"), "Delivering to Mattermost requires --target"),
        (("send", "-t", "@carol"), "message is empty"),
        (("send", "-t", "@nobody", "-m", "x"), "is @nobody"),
        (("send", "-t", "@carol", "-m", "x", "--account", "none"), r"no account none\. Accounts: default"),
        (("send", "-t", "@carol", "-m", "x", "--wait", "soon"), "whole number from 0 to 600"),
        (("send", "colour=red"), "'colour' is nothing that can be said here"),
        (("send", "target=a", "to=b"), "target is said twice"),
        (("react", "emoji=x", "remove=yes"), "remove=yes is neither true nor false"),
        (("react", "emoji=thumbsup"), r"requires messageId \(post id\)"),
        (("react", "messageId=" + "a" * 26), "requires emoji"),
        (("react", "messageId=here", "emoji=x"), "is no post id"),
        (("read",), "requires --target"),
        (("read", "-t", "#support"), r"Reading messages is off .* actions\.messages"),
    ],
)
def test_what_cannot_be_done_gets_a_sentence(account, nobody, words, sentence):
    with pytest.raises(CommandError, match=sentence):
        message(*words)
    assert not Delivery.objects.exists()


def test_a_reaction_is_added_and_taken_back_as_the_documentation_writes_it(sandbox, account):
    post = sandbox.post("carol", "support", "done?")
    words = ("channel=mattermost", f"target=channel:{post['channel_id']}", f"messageId={post['id']}", "emoji=thumbsup")

    def reactions():
        return [one["emoji_name"] for one in sandbox.api("carol", "GET", f"/posts/{post['id']}/reactions")]

    assert message("action=react", *words) == f"Reacted with :thumbsup: on {post['id']}\n"
    assert message("action=react", *words, "remove=false") == f"Reacted with :thumbsup: on {post['id']}\n"
    assert reactions() == ["thumbsup"]
    done = json.loads(message("react", "--message-id", post["id"], "--emoji", "👀", "--json"))
    assert done == {"ok": True, "channel": "mattermost", "messageId": post["id"], "added": "eyes"}
    assert sorted(reactions()) == ["eyes", "thumbsup"]
    assert message("action=react", *words, "remove=true") == f"Removed reaction :thumbsup: from {post['id']}\n"
    assert reactions() == ["eyes"]
    assert set(AuditEntry.objects.values_list("verb", flat=True)) == {"message.react", "message.unreact"}


def test_reactions_that_fail_say_what_the_server_says(sandbox, account):
    post = sandbox.post("carol", "support", "done?")
    elsewhere = f"target=channel:{sandbox.channel_id('incidents')}"
    for words, sentence in (
        (("messageId=" + "a" * 26, "emoji=x"), r"Mattermost add reaction failed: .*403.*no such post"),
        (("messageId=" + "a" * 26, "emoji=x", "remove=true"), "Mattermost remove reaction failed"),
        ((f"messageId={post['id']}", "emoji=🦄"), r"The server knows no emoji :🦄:"),
        ((f"messageId={post['id']}", "emoji=x", elsewhere), "is in another channel"),
    ):
        with pytest.raises(CommandError, match=sentence):
            message("react", *words)
    Account.objects.update(actions_reactions=False)
    effective.bump_version()
    with pytest.raises(CommandError, match="Mattermost reactions are disabled in config"):
        message("react", f"messageId={post['id']}", "emoji=x")


def test_recent_posts_are_read_where_that_is_allowed(sandbox, account):
    Account.objects.update(actions_messages=True)
    effective.bump_version()
    ids = []
    for text in ("one", "two", "three"):
        post = sandbox.post("carol", "support", text)
        ids.append(post["id"])
        wait_for(lambda made=post["create_at"]: time.time() * 1000 > made + 1)  # "before" asks for older milliseconds
    lines = message("read", "--target", "#support", "--limit", "2").splitlines()
    assert [line.split("\t")[1:] for line in lines] == [[ids[1], "@carol", "two"], [ids[2], "@carol", "three"]]
    found = json.loads(message("action=read", "target=#support", f"before={ids[1]}", "--json"))
    assert [post["post_id"] for post in found["posts"]] == [ids[0]]
    sandbox.post("carol", "@durar", "hello bot")
    assert "hello bot" in message("read", "--target", "@carol")
    secret = sandbox.create_channel("carol", "secret", private=True)["id"]
    with pytest.raises(CommandError, match=r"no channel .* that the bot may read"):
        message("read", "--target", f"channel:{secret}")


def test_targets_are_resolved_on_the_command_line(sandbox, account):
    out = StringIO()
    call_command("channels", "resolve", "@carol", "support", stdout=out)
    assert out.getvalue().splitlines() == [
        f"@carol\tuser:{sandbox.user_id('carol')}\tcarol",
        f"support\tchannel:{sandbox.channel_id('support')}\tsupport",
    ]
    out = StringIO()
    with pytest.raises(CommandError, match="Not resolved: nowhere"):
        call_command("channels", "resolve", "--json", "--kind", "user", "carol", "nowhere", stdout=out)
    found = json.loads(out.getvalue())
    assert [row["resolved"] for row in found] == [True, False]
    assert "is @nowhere" in found[1]["error"]


def test_words_and_options_are_brought_together():
    words = read_words(["send", "to=@carol"], {"message": "hi", "json": True, "remove": False, "target": ""})
    assert (words.action, words.target, words.message, words.json) == ("send", "@carol", "hi", True)
    with pytest.raises(WrongWords):
        read_words(["send", "to=@carol"], {"target": "@dave"})


def test_a_lease_that_holds_says_that_a_worker_runs(account, nobody):
    from datetime import timedelta

    from django.utils import timezone

    ListenerLease.objects.update(holder="here", expires_at=timezone.now() + timedelta(seconds=60))
    with pytest.raises(CommandError, match="direct channel to the person is being opened"):
        message("send", "--target", "@carol", "--message", "hello", "--wait", "0")
    with pytest.raises(CommandError, match="is sent soon"):
        message("send", "--target", "#support", "--message", "hello", "--wait", "0")


def test_files_go_with_the_message_in_both_spellings(sandbox, account, worker, tmp_path, settings):
    settings.MEDIA_ROOT = tmp_path / "media"
    chart = tmp_path / "chart.txt"
    chart.write_text("a chart")
    message("send", "-t", "#support", "-m", "Look", "--media", str(chart), "--media", str(chart))
    message("action=send", "target=#support", f"path={chart}")
    assert [(p["message"], len(p["file_ids"])) for p in sandbox.posts("support")] == [("Look", 2), ("", 1)]
    with pytest.raises(CommandError, match="There is no file"):
        message("send", "-t", "#support", "--media", str(tmp_path / "none.txt"))


def test_buttons_are_sent_as_the_documentation_writes_them(sandbox, account, worker):
    rows = '[[{"text":"Yes","callback_data":"yes"},{"text":"No","callback_data":"no"}]]'
    message("action=send", "channel=mattermost", f"target=channel:{sandbox.channel_id('support')}", f"buttons={rows}")
    (row,) = sandbox.posts("support")
    (attachment,) = row["props"]["attachments"]
    assert [(action["id"], action["name"]) for action in attachment["actions"]] == [("yes", "Yes"), ("no", "No")]
    with pytest.raises(CommandError, match="buttons is no JSON"):
        message("send", "-t", "#support", "-m", "x", "--buttons", "[[{text: Yes}]]")
    with pytest.raises(CommandError, match="No button remains"):
        message("send", "-t", "#support", "-m", "x", "--buttons", "[[{}]]")


def test_buttons_are_signed_for_scripts_and_nothing_is_posted(sandbox, account, nobody):
    room = sandbox.channel_id("support")
    rows = '[[{"text":"Yes","callback_data":"y-es"}]]'
    made = json.loads(message("buttons", "--json", "--target", f"channel:{room}", "--buttons", rows))
    (action,) = made["attachments"][0]["actions"]
    context = action["integration"]["context"]
    assert (action["id"], context["action_id"], context["__openclaw_channel_id"]) == ("yes", "yes", room)
    assert len(context["_token"]) == 64
    assert action["integration"]["url"].endswith("/mattermost/interactions/default")
    with pytest.raises(CommandError, match="The buttons are missing"):
        message("buttons", "--json")
    assert not Delivery.objects.exists()
