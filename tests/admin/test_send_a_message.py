"""*Send a message* in the panel: with files, uploaded or named, and with buttons."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from mattermost_bridge.config import effective
from mattermost_bridge.models import Account, ButtonSet, Delivery
from tests import factories
from tests.admin.conftest import messages_of
from tests.bridge import collected_hints

SEND = "/mattermost_bridge/directchannel/send/"
YES_NO = "Yes | y-es | primary\n\nNo\n"


@pytest.fixture(autouse=True)
def hints():
    """No hint leaves the process."""
    with collected_hints() as hints:
        yield hints


@pytest.fixture
def media(settings, tmp_path):
    """The folder that files are kept in and may be named from."""
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.MEDIA_ROOT.mkdir()
    (settings.MEDIA_ROOT / "chart.txt").write_text("a chart")
    return settings.MEDIA_ROOT


@pytest.fixture
def send(as_alice, media):
    """Send the form, to a channel."""
    account = factories.AccountFactory(bot_token="mm-token", base_url="https://chat.example.com")

    def press(**values):
        data = {**as_alice.get(SEND).context["form"].initial, "account": str(account.pk), "to": f"channel:{'c' * 26}"}
        return as_alice.post(SEND, {**data, "text": "", **values}, follow=True)

    return press


def upload(name="photo.png", content=b"pixels"):
    return SimpleUploadedFile(name, content, content_type="image/png")


def stored(media):
    return sorted(path.name for path in (media / "outgoing").rglob("*") if path.is_file())


def test_files_that_are_uploaded_and_named_go_with_the_first_post(send, media):
    page = send(text="Look", uploads=[upload("a.png"), upload("b.png")], named_files="\n chart.txt\n")
    assert messages_of(page)[0].endswith("is in the outbox and goes out now.")
    row = Delivery.objects.get()
    assert (row.text, [file["name"] for file in row.files]) == ("Look", ["a.png", "b.png", "chart.txt"])
    assert row.files[0]["mime_type"] == "image/png"
    assert stored(media) == ["a.png", "b.png", "chart.txt"]


def test_a_file_needs_no_text(send):
    send(uploads=[upload()])
    assert Delivery.objects.get().text == ""


@pytest.mark.parametrize(
    "buttons",
    [YES_NO, '[[{"text": "Yes", "callback_data": "y-es", "style": "primary"}, {"text": "No", "callback_data": "No"}]]'],
)
def test_buttons_are_written_one_a_line_or_as_json(send, buttons):
    page = send(text="Deploy?", buttons=buttons)
    row = Delivery.objects.get()
    shown = [(one["id"], one["name"], one["style"]) for one in row.props["attachments"][0]["actions"]]
    assert shown == [("yes", "Yes", "primary"), ("No", "No", "default")]
    assert ButtonSet.objects.get().delivery == row
    assert any("localhost" in text for text in messages_of(page)), "the server cannot call this machine back"


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"buttons": "| yes"}, "is no button. Write: Text | callback data | style."),
        ({"buttons": "a|b|primary|d"}, "is no button."),
        ({"buttons": "Ja | ?"}, "needs callback data with a letter or digit in it, as: Ja | yes."),
        ({"buttons": "Ja | ja | green"}, "is no style of a button. There are: default, primary, danger."),
        ({"buttons": "[[{]]"}, "This is no JSON"),
        ({"buttons": "[[{}]]"}, "No button remains"),
        ({"buttons": '{"text": "Yes"}'}, "list"),
        ({"named_files": "../durar.sqlite3"}, "is not below the folder media"),
        ({"named_files": "/etc/hosts"}, "is not below the folder media"),
        ({"named_files": "http://127.0.0.1:1/x"}, "private"),
    ],
)
def test_what_cannot_be_sent_is_said_and_nothing_is_kept(send, media, values, sentence):
    page = send(**values, uploads=[upload()]).content.decode()
    assert sentence in page
    assert "Choose the files again" in page
    assert not Delivery.objects.exists()
    assert stored(media) == []


@pytest.mark.parametrize("text", ["", " \n"])
def test_a_message_has_to_say_something(send, text):
    assert "Write a text, or choose a file or buttons." in send(text=text).content.decode()
    assert not Delivery.objects.exists()


def test_a_file_that_is_too_large_is_said(send, media):
    Account.objects.update(media_max_mb=1)
    effective.bump_version()
    page = send(uploads=[upload("small.png"), upload("large.png", b"x" * (3 * 2**19))]).content.decode()
    assert "large.png has 1.5 MiB; 1 MiB are the most (mediaMaxMb)." in page
    assert stored(media) == []
