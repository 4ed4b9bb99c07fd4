"""A connection that is not made says why, and whether the server or the address is at fault."""

import asyncio
import contextlib
import json

import pytest

from mattermost_bridge.mattermost.errors import MattermostError
from mattermost_bridge.mattermost.stream import TokenRefused, open_stream
from tests.mattermost.samples import TOKEN, error_json
from tests.mattermost.servers import answer, closed_port


@contextlib.asynccontextmanager
async def raw_server(reply: bytes | None, *, wait: bool = False):
    """A TCP server that answers the handshake with these bytes and closes, or keeps silent."""
    over = asyncio.Event()
    requests: list[bytes] = []

    async def converse(reader, writer):
        requests.append(await reader.readuntil(b"\r\n\r\n"))
        if reply:
            writer.write(reply)
            await writer.drain()
        if wait:
            await over.wait()
        writer.close()

    server = await asyncio.start_server(converse, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", requests
        over.set()


async def refused(url: str, **options) -> MattermostError:
    with pytest.raises(MattermostError) as caught:
        async with open_stream(url, TOKEN, **options):
            pass
    assert TOKEN not in str(caught.value)
    return caught.value


async def test_a_refused_connection_is_network_trouble():
    error = await refused(f"http://127.0.0.1:{closed_port()}")
    assert (error.kind, error.is_server_trouble) == ("network", True)
    assert "refused" in str(error)


async def test_an_unknown_host_is_network_trouble():
    error = await refused("http://nowhere.invalid")
    assert error.kind == "network"
    assert "cannot be resolved" in str(error)


async def test_a_connection_cut_during_the_handshake_is_no_refused_token():
    async with raw_server(None) as (url, _):
        error = await refused(url)
    assert (error.kind, error.is_server_trouble) == ("network", True)


async def test_silence_during_the_handshake_is_a_timeout():
    async with raw_server(None, wait=True) as (url, _):
        error = await refused(url, open_timeout=0.3)
    assert (error.kind, error.is_server_trouble) == ("timeout", True)


async def test_the_handshake_is_rate_limited_too():
    headers = {"Content-Type": "text/plain", "retry-after": "1", "X-Ratelimit-Reset": "4, 4"}
    async with raw_server(answer(429, b"limit exceeded\n", headers, reason="Too Many Requests")) as (url, _):
        error = await refused(url)
    assert error.is_rate_limited
    assert error.retry_after == 1.0
    assert str(error) == "Mattermost API 429 Too Many Requests: limit exceeded"


@pytest.mark.parametrize("claimed", [500, 400])
async def test_a_failed_upgrade_counts_by_its_http_status_not_by_its_json(claimed):
    body = b"Bad Request\n" + json.dumps(error_json("api.web_socket.connect.upgrade.app_error", claimed)).encode()
    async with raw_server(answer(403, body, {"Content-Type": "text/plain"}, reason="Forbidden")) as (url, _):
        error = await refused(url)
    assert (error.status, error.error_id) == (403, "api.web_socket.connect.upgrade.app_error")
    assert str(error) == "Mattermost API 403 Forbidden: You do not have the appropriate permissions."


async def test_a_server_in_trouble_is_known_by_its_status():
    async with raw_server(answer(502, b"<html>bad gateway</html>")) as (url, _):
        error = await refused(url)
    assert (error.status, error.is_server_trouble) == (502, True)


async def test_a_redirect_is_not_followed_since_the_token_would_go_along():
    async with raw_server(answer(302, b"")) as (other, requests):
        location = other.replace("http:", "ws:")
        async with raw_server(answer(302, b"", {"Location": location})) as (url, _):
            error = await refused(url)
    assert error.status == 302
    assert not error.permanent
    assert f"redirects to {location}" in str(error)
    assert requests == []


async def test_a_page_instead_of_a_websocket_is_an_error_of_ours():
    async with raw_server(answer(200, b"<html>Mattermost</html>")) as (url, _):
        error = await refused(url)
    assert error.kind == "protocol"
    assert "no WebSocket of Mattermost" in str(error)


@pytest.mark.parametrize("garbage", [b"SSH-2.0-OpenSSH_9.2\r\n\r\n", b"\x00\x01\x02\x03\r\n\r\n"])
async def test_an_answer_that_is_no_http_is_an_error_of_ours(garbage):
    async with raw_server(garbage) as (url, _):
        error = await refused(url)
    assert error.status is None


async def test_an_upgrade_that_is_broken_is_an_error_of_ours():
    reply = b"HTTP/1.1 101 OK\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: no\r\n\r\n"
    async with raw_server(reply) as (url, _):
        error = await refused(url)
    assert error.kind == "protocol"


async def test_proxies_of_the_environment_are_not_used(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{closed_port()}")
    async with raw_server(answer(429, b"limit exceeded\n")) as (url, _):
        assert (await refused(url)).is_rate_limited


async def test_a_refused_token_is_no_mattermost_error():
    assert not issubclass(TokenRefused, MattermostError)
