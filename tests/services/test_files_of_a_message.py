"""Files that come with a message: what the agent gets of them, within which bounds, and what is said of the rest."""

from __future__ import annotations

import pytest

from mattermost_bridge.models import Account, Agent, InboundEvent, Turn
from mattermost_bridge.services import incoming_files
from tests.bridge import direct_post
from tests.services.fake_server import refused, unreachable
from tests.services.test_what_an_agent_is_told import hear, open_account

pytestmark = pytest.mark.django_db(transaction=True)

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 60


def with_files(text: str, *file_ids: str):
    return direct_post(text, payload={"file_ids": list(file_ids)})


def account_for_images(**values) -> Account:
    agent = Agent.objects.create(slug="sees", backend="echo", takes_images=True)
    return open_account(agent=agent, **values)


def test_text_comes_as_text_images_as_images_and_others_by_name(hinted, server, asked):
    account = account_for_images()
    files = [
        server.put_file("notes.txt", "text/plain", "grüße".encode()),
        server.put_file("shot.png", "image/png", PNG),
        server.put_file("all.zip", "application/zip", b"PK" * 600),
    ]
    hear(account, hinted, with_files("look", *files))
    request = asked[0]
    assert "\ngrüße\n" in request.after
    assert [(image.name, image.mime_type, image.data) for image in request.images] == [("shot.png", "image/png", PNG)]
    assert request.files == (
        '"notes.txt" (text/plain, 7 bytes, given as text)',
        '"shot.png" (image/png, 68 bytes, given as an image)',
        '"all.zip" (application/zip, 1.2 KiB, only named: only images and text files are read)',
    )
    assert Turn.objects.get().given == {"files": list(request.files)}
    assert server.calls.count("file_content") == 2


def test_an_agent_that_takes_no_images_is_told_their_names(hinted, server, asked):
    account = open_account()
    hear(account, hinted, with_files("look", server.put_file("shot.png", "image/png", PNG)))
    assert asked[0].images == ()
    assert asked[0].files == ('"shot.png" (image/png, 68 bytes, only named: this agent takes no images)',)
    assert "file_content" not in server.calls


def test_a_post_of_files_alone_is_answered_and_stands_in_the_history_by_their_names(hinted, server, asked):
    account = open_account()
    hear(account, hinted, with_files("", server.put_file("a.txt", "text/plain", b"x")))
    hear(account, hinted, direct_post("and?"))
    assert asked[0].text == ""
    assert asked[1].history[0].text == '"a.txt" (text/plain, 1 byte, given as text)'


def test_echo_says_which_files_it_got(hinted, server):
    account = open_account()
    hear(account, hinted, with_files("look", server.put_file("a.txt", "text/plain", b"x")))
    assert server.texts() == ['You said: look\n\nWith it came:\n- "a.txt" (text/plain, 1 byte, given as text)']


@pytest.mark.parametrize(
    ("size", "content", "why"),
    [
        (2 * 2**20, b"x", "larger than the 1 MiB that this account reads (mediaMaxMb)"),
        (10, b"x" * (2**20 + 1), "larger than the 1 MiB that this account reads (mediaMaxMb)"),
    ],
)
def test_a_file_beyond_the_account_s_limit_is_named_whatever_the_server_says_of_its_size(
    hinted, server, asked, size, content, why
):
    account = open_account(media_max_mb=1)
    hear(account, hinted, with_files("look", server.put_file("a.txt", "text/plain", content, size)))
    assert "could not be read" in asked[0].files[0]
    assert why in asked[0].files[0]
    assert why in Turn.objects.get().given["files"][0]


def test_the_files_of_a_message_have_a_limit_together(hinted, server, asked):
    account = open_account(media_max_mb=1)
    big = [server.put_file(f"{n}.txt", "text/plain", b"x" * (900 * 1024)) for n in range(4)]
    hear(account, hinted, with_files("look", *big))
    assert ["given as text" in file for file in asked[0].files] == [True, True, False, False]
    assert "together" in asked[0].files[3]
    assert len(asked[0].after) < 100_000


def test_only_so_many_files_are_read(hinted, server, asked):
    account = open_account()
    many = [server.put_file(f"{n}.txt", "text/plain", b"x") for n in range(12)]
    hear(account, hinted, with_files("look", *many))
    assert len(asked[0].files) == 11
    assert asked[0].files[-1] == '"2 more" (could not be read: only 10 files of a message are read)'


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (refused(404, "app.file_info.get.app_error"), "it is not there any more"),
        (refused(403, "api.context.permissions.app_error"), "the bot may not see it"),
        (refused(400), "Mattermost API 400"),
    ],
)
def test_a_file_that_could_not_be_read_is_said_with_the_reason_and_the_message_is_answered(
    hinted, server, asked, error, why
):
    account = open_account()
    server.fails["file_info"] = error
    hear(account, hinted, with_files("look", "f" * 26, "g" * 26))
    assert all(why in file for file in asked[0].files)
    assert why in asked[0].after
    assert server.calls.count("file_info") == 2
    assert server.texts() == ["Yes."]


def test_a_server_that_is_away_is_not_asked_for_every_file(hinted, server, asked):
    account = open_account()
    server.fails["file_info"] = unreachable()
    hear(account, hinted, with_files("look", "f" * 26, "g" * 26, "h" * 26))
    assert server.calls.count("file_info") == 1
    assert all("Connection refused" in file for file in asked[0].files)


def test_files_that_take_too_long_leave_the_rest_unread(hinted, server, asked, monkeypatch):
    monkeypatch.setattr(incoming_files, "SECONDS", -1.0)
    account = open_account()
    hear(account, hinted, with_files("look", server.put_file("a.txt", "text/plain", b"x")))
    assert "took longer" in asked[0].files[0]
    assert "file_info" not in server.calls


def test_what_only_calls_itself_an_image_or_a_text_is_not_given_as_one(hinted, server, asked):
    account = account_for_images()
    files = [server.put_file("a.png", "image/png", b"MZ" * 40), server.put_file("b.txt", "text/plain", b"\x00\x01" * 9)]
    files.append(server.put_file("c.txt", "text/plain", b"caf\xe9"))
    hear(account, hinted, with_files("look", *files))
    assert asked[0].images == ()
    assert "no image of a type" in asked[0].files[0]
    assert "it is no text" in asked[0].files[1]
    assert "1 place in it could not be decoded as UTF-8" in asked[0].files[2]


def test_a_message_without_files_makes_no_call(hinted, server, asked):
    account = account_for_images()
    hear(account, hinted, direct_post("hello"))
    assert server.calls == ["create_post"]
    assert InboundEvent.objects.get().state == "answered"
