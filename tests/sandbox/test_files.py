"""Files: uploaded, attached to one post, read by who may; statuses, ids and fields are a real server's."""

from __future__ import annotations

import pytest

from mattermost_bridge.sandbox.ids import new_id
from mattermost_bridge.sandbox.testing import SandboxProcess
from tests.sandbox.ears import Ear, post_in

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 60
FIELDS = ["id", "user_id", "create_at", "update_at", "delete_at", "name", "extension", "size", "mime_type",
          "mini_preview", "remote_id"]  # fmt: skip


def error(response) -> tuple[int, str]:
    return response.status_code, response.json()["id"]


def test_an_upload_in_a_form_says_what_it_kept(sandbox):
    channel = sandbox.channel_id("support")
    response = sandbox.raw(
        "alice", "POST", "/files", data={"channel_id": channel, "client_ids": "c1"},
        files=[("files", ("grüße.txt", b"hello\r\n--x\r\n")), ("files", ("a.png", PNG))],
    )  # fmt: skip
    assert response.status_code == 201
    answer = response.json()
    assert answer["client_ids"] == ["c1"]
    first, second = answer["file_infos"]
    assert list(first) == FIELDS
    assert (first["name"], first["extension"], first["size"]) == ("grüße.txt", "txt", 12)
    assert first["mime_type"] == "text/plain; charset=utf-8"
    assert (second["mime_type"], second["size"]) == ("image/png", len(PNG))
    assert sandbox.raw("alice", "GET", f"/files/{first['id']}").content == b"hello\r\n--x\r\n"


def test_one_file_may_be_the_body_itself_and_may_be_empty(sandbox):
    channel = sandbox.channel_id("support")
    for content in (PNG, b""):
        response = sandbox.raw("alice", "POST", f"/files?channel_id={channel}&filename=a.png", data=content)
        assert response.status_code == 201
        assert response.json()["file_infos"][0]["size"] == len(content)


def test_a_post_shows_its_files_and_its_event_says_that_there_are_some(sandbox):
    channel = sandbox.channel_id("alice,durar")
    text, image = sandbox.upload("alice", channel, "a.txt", b"x"), sandbox.upload("alice", channel, "b.png", PNG)
    with Ear(sandbox, "durar") as ear:
        post = sandbox.post_with_files("alice", channel, "look", text["id"], image["id"])
        event = ear.event("posted")
    assert post["file_ids"] == [text["id"], image["id"]]
    assert [file["name"] for file in post["metadata"]["files"]] == ["a.txt", "b.png"]
    assert post["metadata"]["files"][0]["post_id"] == post["id"]
    assert (event["data"]["otherFile"], event["data"]["image"]) == ("true", "true")
    assert post_in(event)["file_ids"] == post["file_ids"]
    assert sandbox.api("durar", "GET", f"/files/{image['id']}/info")["post_id"] == post["id"]
    answer = sandbox.raw("durar", "GET", f"/files/{image['id']}")
    assert answer.content == PNG
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["Content-Disposition"].startswith("attachment;")


def test_a_file_is_attached_once_and_by_who_uploaded_it_others_are_dropped_without_a_word(sandbox):
    channel = sandbox.channel_id("support")
    mine, bobs = sandbox.upload("alice", channel, "a.txt", b"x"), sandbox.upload("bob", channel, "b.txt", b"x")
    first = sandbox.post_with_files("alice", channel, "one", mine["id"], mine["id"], bobs["id"], new_id())
    assert first["file_ids"] == [mine["id"]]
    again = sandbox.post_with_files("alice", channel, "two", mine["id"])
    assert "file_ids" not in again
    assert "files" not in again["metadata"]


@pytest.mark.parametrize("path", ["", "/info"])
def test_what_is_not_there_or_not_for_one_is_refused(sandbox, path):
    private = sandbox.create_channel("alice", "board", private=True)["id"]
    file = sandbox.upload("alice", private, "a.txt", b"x")
    assert error(sandbox.raw("durar", "GET", f"/files/{new_id()}{path}")) == (404, "app.file_info.get.app_error")
    assert sandbox.raw("durar", "GET", f"/files/nonsense{path}").status_code == 400
    sandbox.post_with_files("alice", private, "", file["id"])
    assert error(sandbox.raw("durar", "GET", f"/files/{file['id']}{path}")) == (
        403, "api.context.permissions.app_error",
    )  # fmt: skip
    assert sandbox.raw("alice", "GET", f"/files/{file['id']}{path}").status_code == 200


def test_the_files_of_a_deleted_post_are_gone(sandbox):
    channel = sandbox.channel_id("alice,durar")
    file = sandbox.upload("alice", channel, "a.txt", b"x")
    post = sandbox.post_with_files("alice", channel, "look", file["id"])
    sandbox.delete("alice", post["id"])
    assert sandbox.raw("durar", "GET", f"/files/{file['id']}").status_code == 404


def test_uploads_that_cannot_be_are_refused_as_a_server_does(sandbox):
    private = sandbox.create_channel("alice", "board", private=True)["id"]

    def upload(channel: str, content: bytes = b"x"):
        files = {"files": ("a.bin", content)}
        return sandbox.raw("durar", "POST", "/files", data={"channel_id": channel}, files=files)

    assert error(upload(private)) == (403, "api.context.permissions.app_error")
    assert error(upload(new_id())) == (403, "api.context.permissions.app_error")
    assert upload("nonsense").status_code == 400
    sandbox.control("POST", "settings", max_file_size=100)
    large = (413, "api.file.upload_file.too_large_detailed.app_error")
    channel = sandbox.channel_id("support")
    assert error(upload(channel, b"x" * 101)) == large
    assert error(upload(channel, b"x" * 200_000)) == large
    assert upload(channel, b"x" * 100).status_code == 201
    assert sandbox.api("durar", "GET", "/config/client?format=old")["MaxFileSize"] == "100"


def test_more_than_ten_files_are_too_many_for_a_post(sandbox):
    channel = sandbox.channel_id("support")
    body = {"channel_id": channel, "message": "", "file_ids": [new_id() for _ in range(11)]}
    assert error(sandbox.raw("alice", "POST", "/posts", body)) == (400, "model.post.is_valid.file_ids.app_error")
    assert sandbox.raw("alice", "POST", "/posts", body | {"file_ids": [1]}).status_code == 400


def test_uploads_go_on_while_trouble_is_asked_for(sandbox):
    sandbox.control("POST", "faults", kind="delay", path="/nowhere", seconds=0.1)
    assert sandbox.upload("alice", "support", "a.txt", b"x\r\n\r\nx")["size"] == 6


def test_newer_servers_sort_the_ids_and_say_more(sandbox):
    sandbox.control("POST", "settings", version="11")
    channel = sandbox.channel_id("alice,durar")
    ids = [sandbox.upload("alice", channel, f"{n}.txt", b"x" * 400_000)["id"] for n in range(3)]
    post = sandbox.post_with_files("alice", channel, "look", *sorted(ids, reverse=True))
    assert post["file_ids"] == sorted(ids)
    info = sandbox.api("durar", "GET", f"/files/{ids[0]}/info")
    assert (info["channel_id"], info["archived"]) == (channel, False)
    gone = new_id()
    assert error(sandbox.raw("durar", "GET", f"/files/{gone}")) == (404, "api.file.get_file_info.app_error")
    assert error(sandbox.raw("durar", "GET", f"/files/{gone}/info")) == (404, "app.file_info.get.app_error")
    assert sandbox.post("alice", channel, "none")["file_ids"] == []


def test_files_are_there_after_a_restart(tmp_path):
    with SandboxProcess(state_file=tmp_path / "state.json") as box:
        file = box.upload("alice", "support", "a.bin", bytes(range(256)))
        box.post_with_files("alice", "support", "look", file["id"])
        box.terminate()
        box.start()
        assert box.raw("alice", "GET", f"/files/{file['id']}").content == bytes(range(256))
