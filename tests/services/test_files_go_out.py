"""Files with posts: from a path or an address into the post, each uploaded once, and what is said when one is not."""

from __future__ import annotations

import os
import time

import pytest
from django.conf import settings
from django.core.files.storage import default_storage

from mattermost_bridge.config import effective
from mattermost_bridge.config.effective import settings_for
from mattermost_bridge.mattermost.rest import MattermostClient, close_clients
from mattermost_bridge.models import Account, Delivery, DeliveryAttempt
from mattermost_bridge.services import fetching, files_out, messages, outbox
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.errors import Refused
from mattermost_bridge.services.fetching import Fetched
from mattermost_bridge.services.messages import Target
from mattermost_bridge.tasks import upkeep
from tests.bridge import make_account
from tests.services.fake_server import refused

pytestmark = pytest.mark.django_db(transaction=True)
ALICE = Actor("alice", "panel")


@pytest.fixture(autouse=True)
def hints(hinted, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.MEDIA_ROOT.mkdir()
    return hinted


@pytest.fixture
def account(sandbox):
    yield make_account(
        base_url=sandbox.base_url, bot_token=sandbox.token("durar"), bot_user_id=sandbox.user_id("durar")
    )
    close_clients()


@pytest.fixture
def chart(tmp_path):
    path = tmp_path / "chart.txt"
    path.write_bytes(b"a chart")
    return str(path)


def take(account, *sources, any_path=True):
    return files_out.take_all(settings_for(account.pk), sources, any_path=any_path)


def send(sandbox, account, text, files, channel="support"):
    target = Target(channel_id=sandbox.channel_id(channel))
    return messages.send(account.pk, target, text, actor=ALICE, files=files)


def stored():
    return [path for path in settings.MEDIA_ROOT.rglob("*") if path.is_file()]


def posts_with_files(sandbox):
    """Text and file names of each post in the channel, oldest first."""
    posts = [sandbox.api("carol", "GET", f"/posts/{row['id']}") for row in sandbox.posts("support")]
    return [(post["message"], [file["name"] for file in post["metadata"].get("files", [])]) for post in posts]


def test_a_file_goes_out_with_its_caption_and_leaves_the_storage(sandbox, account, chart, hints):
    send(sandbox, account, "Look", take(account, chart))
    assert len(stored()) == 1
    hints.run()
    assert posts_with_files(sandbox) == [("Look", ["chart.txt"])]
    (row,) = sandbox.posts("support")
    post = sandbox.api("carol", "GET", f"/posts/{row['id']}")
    content = sandbox.raw("carol", "GET", f"/files/{post['file_ids'][0]}").content
    assert content == b"a chart"
    assert stored() == []


def test_more_files_than_a_post_takes_go_with_further_posts(sandbox, account, chart, hints):
    send(sandbox, account, "Look", take(account, *[chart] * 12))
    hints.run()
    assert [(text, len(names)) for text, names in posts_with_files(sandbox)] == [("Look", 10), ("", 2)]


def test_a_file_needs_no_text_and_a_long_text_goes_on_after_the_caption(sandbox, account, chart, hints):
    send(sandbox, account, "", take(account, chart))
    send(sandbox, account, "x" * 4500, take(account, chart))
    hints.run()
    assert [(len(text), len(names)) for text, names in posts_with_files(sandbox)] == [(0, 1), (4000, 1), (500, 0)]


def test_a_file_that_was_uploaded_is_not_uploaded_again(sandbox, account, chart, hints, monkeypatch):
    receipt = send(sandbox, account, "Look", take(account, chart, chart))
    sandbox.fault("answer", method="POST", path="/posts$", status=503, times=1)
    hints.run()
    row = Delivery.objects.get(pk=receipt.deliveries[0])
    assert (row.state, [bool(file["file_id"]) for file in row.files]) == ("queued", [True, True])
    Delivery.objects.update(next_attempt_at=None)
    outbox.resume(account.pk)
    outbox.drain(account.pk)
    assert posts_with_files(sandbox) == [("Look", ["chart.txt"] * 2)]
    assert len(sandbox.requests(method="POST", path="/files$")) == 2


def test_a_lost_upload_makes_no_post_unclear_and_is_tried_again(sandbox, account, chart, hints):
    receipt = send(sandbox, account, "Look", take(account, chart))
    sandbox.fault("answer", method="POST", path="/files$", status=500, times=1)
    hints.run()
    row = Delivery.objects.get(pk=receipt.deliveries[0])
    assert (row.state, row.unclear) == ("queued", False)
    assert row.error.startswith("Mattermost media upload failed: chart.txt (7 bytes): Mattermost API 500")
    assert len(stored()) == 1


def test_a_file_that_the_server_does_not_take_fails_with_its_reason(sandbox, account, chart, hints):
    sandbox.settings(max_file_size=3)
    receipt = send(sandbox, account, "Look", take(account, chart))
    hints.run()
    row = Delivery.objects.get(pk=receipt.deliveries[0])
    assert row.state == "dead"
    assert row.error.startswith("Mattermost media upload failed: chart.txt (7 bytes): Mattermost API 413")
    assert sandbox.posts("support") == []
    assert len(stored()) == 1


def fetched(monkeypatch):
    def fetch(url, into, *, allowed, longest):
        into.write(b"from afar")
        return Fetched("far.txt", "text/plain", 9)

    monkeypatch.setattr(fetching, "fetch", fetch)


def test_a_file_from_an_address_that_the_server_does_not_take_is_named_by_it(sandbox, account, hints, monkeypatch):
    fetched(monkeypatch)
    sandbox.settings(max_file_size=3)
    send(sandbox, account, "Look", take(account, "https://files.example.com/far.txt"))
    hints.run()
    assert posts_with_files(sandbox) == [("Look\nhttps://files.example.com/far.txt", [])]
    assert "address stands in the post" in Delivery.objects.get().mended
    assert stored() == []


def test_an_account_that_insists_on_sizes_sends_no_address_instead(sandbox, account, hints, monkeypatch):
    fetched(monkeypatch)
    Account.objects.update(media_max_mb=1)
    effective.bump_version()
    sandbox.settings(max_file_size=3)
    send(sandbox, account, "Look", take(account, "https://files.example.com/far.txt"))
    hints.run()
    assert Delivery.objects.get().state == "dead"


def test_ids_that_the_server_drops_in_silence_are_said(sandbox, account, chart, hints, monkeypatch):
    send(sandbox, account, "Look", take(account, chart))
    real = MattermostClient.upload_file

    def upload(self, *args, **kwargs):
        info = real(self, *args, **kwargs)
        return type(info)("unknown".ljust(26, "x"), info.name)

    monkeypatch.setattr(MattermostClient, "upload_file", upload)
    hints.run()
    assert Delivery.objects.get().state == "sent"
    assert "the server left out chart.txt" in DeliveryAttempt.objects.get().error


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("/nowhere/at/all", "There is no file /nowhere"),
        ("", "nothing was named"),
        ("http://127.0.0.1:1/x", "private network"),
    ],
)
def test_what_cannot_be_taken_is_said_and_nothing_stays(account, chart, source, sentence):
    with pytest.raises(Refused, match=sentence):
        take(account, chart, source)
    assert stored() == []


def test_a_file_that_is_too_large_for_the_account_is_refused(account, tmp_path):
    Account.objects.update(media_max_mb=0.000001)
    effective.bump_version()
    large = tmp_path / "large.bin"
    large.write_bytes(b"x" * 5)
    with pytest.raises(Refused, match=r"large\.bin has 5 bytes; 1 byte are the most"):
        take(account, str(large))


def test_whoever_is_not_at_the_command_line_sends_only_from_the_media_folder(account, chart, settings):
    inside = settings.MEDIA_ROOT / "report.txt"
    inside.write_text("inside")
    link = settings.MEDIA_ROOT / "link.txt"
    link.symlink_to(chart)
    assert take(account, "report.txt", str(inside), f"file://{inside}", any_path=False)[2]["name"] == "report.txt"
    for source in (chart, f"file://{chart}", "../chart.txt", "link.txt"):
        with pytest.raises(Refused, match="is not below the folder media"):
            take(account, source, any_path=False)


def test_of_a_message_that_is_refused_no_file_stays(sandbox, account, chart):
    with pytest.raises(Refused):
        send(sandbox, account, "x" * 50_000, take(account, chart))
    assert stored() == []


def test_a_file_that_is_gone_from_the_storage_fails_with_a_sentence(sandbox, account, chart, hints):
    (file,) = files = take(account, chart)
    send(sandbox, account, "Look", files)
    default_storage.delete(file["path"])
    hints.run()
    assert "is not in the storage any more" in Delivery.objects.get().error


def test_at_most_so_many_files(account, chart):
    with pytest.raises(Refused, match="51 files are too many"):
        take(account, *[chart] * 51)


def test_an_upload_that_is_refused_says_so_for_the_whole_post(server, chart):
    account = make_account("other")
    server.upload_file = lambda *_, **__: (_ for _ in ()).throw(refused(403, "api.context.permissions.app_error"))
    target = Target(channel_id="c" * 26)
    messages.send(account.pk, target, "Look", actor=ALICE, files=take(account, chart))
    outbox.drain(account.pk)
    row = Delivery.objects.get()
    assert (row.state, row.error_id) == ("dead", "api.context.permissions.app_error")
    assert server.texts() == []


@pytest.mark.parametrize("source", ["a\0b", "x" * 5000, "file://[/x", "~nobody-has-this-name/x"])
def test_what_is_no_path_is_said(account, source):
    with pytest.raises(Refused, match="is no path of a file"):
        take(account, source, any_path=False)


def age(*paths):
    """Two days pass over these files."""
    for path in paths:
        os.utime(path, (time.time() - 2 * 86400,) * 2)


def test_upkeep_removes_files_of_processes_that_died_and_no_others(sandbox, account, chart, hints):
    """Before the commit that names a file, or after the one that says it was sent."""
    take(account, chart)
    send(sandbox, account, "sent", take(account, chart))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files_out, "remove", lambda files: None)
        hints.run()
    (orphan, of_sent) = stored()
    send(sandbox, account, "waits", take(account, chart))
    send(sandbox, account, "dead", take(account, chart))
    Delivery.objects.filter(text="dead").update(state="dead")
    by_hand = settings.MEDIA_ROOT / "outgoing" / "by hand" / "mine.txt"
    by_hand.parent.mkdir()
    by_hand.write_text("mine")
    age(*stored())
    take(account, chart)  # right now: about to be named
    assert upkeep.blank_bodies()
    left = stored()
    assert len(left) == 4
    assert by_hand in left
    assert not {orphan, of_sent, orphan.parent, of_sent.parent} & set(settings.MEDIA_ROOT.rglob("*"))
    hints.run()
    assert posts_with_files(sandbox) == [("sent", ["chart.txt"]), ("waits", ["chart.txt"])]


def test_without_any_file_upkeep_has_nothing_to_remove(account):
    assert files_out.remove_orphans() == 0
