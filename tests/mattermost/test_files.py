"""Files of posts: what the server knows of them, and their bytes within a limit and a time."""

from __future__ import annotations

import pytest

from mattermost_bridge.mattermost.calls import TooLong
from mattermost_bridge.mattermost.errors import MattermostError
from mattermost_bridge.mattermost.types import Post
from tests.mattermost.servers import answer

INFO = {"id": "f" * 26, "user_id": "u" * 26, "post_id": "p" * 26, "name": "a b.txt", "extension": "txt", "size": 5,
        "mime_type": "text/plain", "create_at": 1, "has_preview_image": False, "mini_preview": None}  # fmt: skip


def test_what_is_known_of_a_file(serve):
    client, server = serve(answer(200, INFO))
    info = client.file_info("f" * 26)
    assert (info.name, info.size, info.mime_type, info.post_id) == ("a b.txt", 5, "text/plain", "p" * 26)
    assert server.requests[0].target == f"/api/v4/files/{'f' * 26}/info"


def test_a_file_s_bytes_come_as_they_are_with_the_token(serve):
    content = bytes(range(256)) * 1000
    client, server = serve(answer(200, content, {"Content-Type": "application/octet-stream"}))
    assert client.file_content("f" * 26, longest=300_000, total=10) == content
    assert server.requests[0].headers["Authorization"].startswith("Bearer ")


@pytest.mark.parametrize("size", [101, 5_000_000])
def test_more_than_the_limit_is_refused_whatever_the_server_said_of_its_size(serve, size):
    client, _ = serve(answer(200, b"x" * size))
    with pytest.raises(TooLong):
        client.file_content("f" * 26, longest=100, total=10)
    assert client.server_now_ms() is None


def test_exactly_the_limit_and_nothing_at_all_are_files_too(serve):
    client, _ = serve(answer(200, b"x" * 100), answer(200, b""))
    assert len(client.file_content("f" * 26, longest=100, total=10)) == 100
    assert client.file_content("f" * 26, longest=100, total=10) == b""


def test_a_server_that_drips_ends_with_its_time(serve):
    def drip(connection, _request):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(1000):
            connection.sendall(b"x")
            if connection.recv(1) == b"":  # waits until the client has had enough
                return

    client, _ = serve(drip)
    with pytest.raises(MattermostError) as caught:
        client.file_content("f" * 26, longest=2000, total=0.3)
    assert caught.value.kind == "timeout"


def test_a_file_that_is_gone_is_an_error_with_its_id(serve):
    body = {"id": "app.file_info.get.app_error", "message": "Unable to get the file info.", "status_code": 404}
    client, _ = serve(answer(404, body))
    with pytest.raises(MattermostError) as caught:
        client.file_content("f" * 26, longest=100, total=10)
    assert (caught.value.status, caught.value.error_id) == (404, "app.file_info.get.app_error")


def test_a_part_of_a_thread_is_asked_for_as_newer_servers_know_it(serve):
    client, server = serve(answer(200, {"order": [], "posts": {}}))
    client.thread("r" * 26, before=Post("p" * 26, create_at=77), limit=500)
    target = server.requests[0].target
    assert target.startswith(f"/api/v4/posts/{'r' * 26}/thread?")
    for part in ("perPage=200", "direction=up", f"fromPost={'p' * 26}", "fromCreateAt=77"):
        assert part in target
