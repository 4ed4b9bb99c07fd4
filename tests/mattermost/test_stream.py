"""The stream authenticates, hands out frames in order, and says how it ended."""

import asyncio
import contextlib
import json
import logging
import traceback

import pytest
from websockets.asyncio.server import serve

from mattermost_bridge.mattermost.errors import MattermostError
from mattermost_bridge.mattermost.events import Hello, Other, Posted, Reply, Unreadable
from mattermost_bridge.mattermost.stream import MAX_CLIENT_FRAME, StreamClosed, TokenRefused, open_stream
from tests.mattermost.samples import (
    BAD_SEQ,
    CHALLENGE_OK,
    HELLO,
    PING_REVOKED,
    PONG,
    STATUS_CHANGE,
    TOKEN,
    post_json,
    posted,
)

WAIT = 20


class Mattermost:
    """A WebSocket server that runs `behave` for each connection and keeps what clients sent."""

    def __init__(self) -> None:
        self.received: list[dict] = []
        self.handshakes: list = []

    @contextlib.asynccontextmanager
    async def running(self, behave):
        async def handler(connection):
            self.handshakes.append(connection.request)
            await behave(self, connection)

        async with serve(handler, "127.0.0.1", 0, compression="deflate") as server:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def hear(self, connection) -> dict:
        text = await connection.recv()
        assert isinstance(text, str), "newer servers read binary frames as msgpack"
        assert len(text.encode()) <= MAX_CLIENT_FRAME
        self.received.append(json.loads(text))
        return self.received[-1]


def after_challenge(*frames, then=None):
    """A server that waits for the challenge, sends the frames, and does what comes then (else it waits)."""

    async def behave(server, connection):
        await server.hear(connection)
        for frame in frames:
            await connection.send(frame)
        if then is not None:
            await then(server, connection)
        await connection.wait_closed()

    return behave


async def cut(_server, connection):
    """End the TCP connection without a close frame, as Mattermost does for nearly everything."""
    connection.transport.close()


@pytest.fixture
def connected():
    """Open a stream to a server that behaves as told: `async with connected(behave) as (stream, server)`."""

    @contextlib.asynccontextmanager
    async def start(behave, **options):
        server = Mattermost()
        async with asyncio.timeout(WAIT), server.running(behave) as url, open_stream(url, TOKEN, **options) as stream:
            yield stream, server

    return start


async def test_the_challenge_is_the_first_action_and_hello_is_returned(connected):
    async with connected(after_challenge(HELLO, CHALLENGE_OK)) as (stream, server):
        hello = await stream.authenticate()
    assert isinstance(hello, Hello)
    assert hello.seq == 0
    assert server.received == [{"seq": 1, "action": "authentication_challenge", "data": {"token": TOKEN}}]


async def test_hello_and_reply_may_come_in_any_order_and_other_frames_are_kept(connected):
    behave = after_challenge(STATUS_CHANGE, CHALLENGE_OK, posted(seq=2), "broken", HELLO, posted(seq=5))
    async with connected(behave) as (stream, _):
        assert isinstance(await stream.authenticate(), Hello)
        frames = [await stream.next_frame() for _ in range(4)]
    assert [type(frame) for frame in frames] == [Other, Posted, Unreadable, Posted]
    assert [frame.seq for frame in frames] == [1, 2, None, 5]


async def test_the_handshake_has_no_origin_no_compression_and_no_token(connected):
    async with connected(after_challenge(HELLO, CHALLENGE_OK)) as (stream, server):
        await stream.authenticate()
    (request,) = server.handshakes
    assert request.path == "/api/v4/websocket"
    assert "Origin" not in request.headers
    assert "Sec-WebSocket-Extensions" not in request.headers
    assert TOKEN not in str(request.headers)


async def test_a_connection_cut_right_after_the_challenge_is_a_refused_token(connected):
    async with connected(after_challenge(then=cut)) as (stream, _):
        with pytest.raises(TokenRefused, match="refuses the token, or it is stopping") as caught:
            await stream.authenticate()
    assert TOKEN not in "".join(traceback.format_exception(caught.value))


async def test_a_connection_cut_after_a_frame_is_no_refused_token(connected):
    async with connected(after_challenge(HELLO, then=cut)) as (stream, _):
        with pytest.raises(StreamClosed) as caught:
            await stream.authenticate()
    assert caught.value.code == 1006


async def test_a_close_frame_after_the_challenge_is_no_refused_token(connected):
    async def close(_server, connection):
        await connection.close(1012, "restarting")

    async with connected(after_challenge(then=close)) as (stream, _):
        with pytest.raises(StreamClosed) as caught:
            await stream.authenticate()
    assert (caught.value.code, caught.value.reason) == (1012, "restarting")


async def test_a_broken_frame_after_the_challenge_is_no_refused_token(connected):
    async def send_reserved_opcode(_server, connection):
        connection.transport.write(b"\x83\x00")
        connection.transport.close()

    async with connected(after_challenge(then=send_reserved_opcode)) as (stream, _):
        with pytest.raises(StreamClosed) as caught:
            await stream.authenticate()
    assert caught.value.code == 1006


async def test_a_reply_that_fails_with_401_is_a_refused_token(connected):
    async with connected(after_challenge(PING_REVOKED.replace('"seq_reply":2', '"seq_reply":1'))) as (stream, _):
        with pytest.raises(TokenRefused, match=r"api\.context\.invalid_token\.error") as caught:
            await stream.authenticate()
    assert TOKEN not in str(caught.value)


async def test_another_failing_reply_is_an_error_with_its_id(connected):
    async with connected(after_challenge(BAD_SEQ)) as (stream, _):
        with pytest.raises(MattermostError) as caught:
            await stream.authenticate()
    assert caught.value.status == 400
    assert caught.value.error_id == "api.web_socket_router.bad_seq.app_error"


@pytest.mark.parametrize("frames", [[], [HELLO], [CHALLENGE_OK], [STATUS_CHANGE]])
async def test_silence_after_the_upgrade_is_a_timeout(connected, frames):
    async with connected(after_challenge(*frames), auth_timeout=0.3) as (stream, _):
        with pytest.raises(MattermostError, match="did not answer the authentication") as caught:
            await stream.authenticate()
    assert caught.value.kind == "timeout"


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak"])
async def test_a_token_that_cannot_be_one_is_refused_before_anything_is_sent(token):
    server = Mattermost()
    async with server.running(after_challenge()) as url:
        with pytest.raises(TokenRefused):
            async with open_stream(url, token):
                pass
    assert server.handshakes == []


async def test_frames_come_in_order_until_the_server_is_gone(connected):
    behave = after_challenge(HELLO, CHALLENGE_OK, posted(seq=1), posted(seq=2), then=cut)
    async with connected(behave) as (stream, _):
        await stream.authenticate()
        seen = []

        async def read_all():
            async for frame in stream:
                seen.append(frame.seq)

        with pytest.raises(StreamClosed) as caught:
            await read_all()
    assert seen == [1, 2]
    assert caught.value.code == 1006


@pytest.mark.parametrize("frame", ["", "\n", "no json"])
async def test_a_frame_that_is_no_json_is_a_gap(connected, frame):
    async with connected(after_challenge(HELLO, CHALLENGE_OK, frame, posted(seq=1))) as (stream, _):
        await stream.authenticate()
        gap = await stream.next_frame()
        assert isinstance(gap, Unreadable)
        assert gap.is_gap
        assert isinstance(await stream.next_frame(), Posted)


@pytest.mark.parametrize("frame", [b"", b"\x81\xa5event", b"\xff"])
async def test_a_binary_frame_is_another_kind_and_no_gap(connected, frame):
    async with connected(after_challenge(HELLO, CHALLENGE_OK, frame, posted(seq=1))) as (stream, _):
        await stream.authenticate()
        assert isinstance(await stream.next_frame(), Other)
        assert isinstance(await stream.next_frame(), Posted)


async def test_a_pong_comes_in_its_place_between_the_events(connected):
    async def answer_ping(server, connection):
        await server.hear(connection)
        await connection.send(posted(seq=1))
        await connection.send(PONG)
        await connection.send(posted(seq=2))

    async with connected(after_challenge(HELLO, CHALLENGE_OK, then=answer_ping)) as (stream, server):
        await stream.authenticate()
        number = await stream.send_ping()
        frames = [await stream.next_frame() for _ in range(3)]
    assert server.received[1] == {"seq": 2, "action": "ping", "data": {}}
    assert [frame.seq for frame in frames] == [1, None, 2]
    assert isinstance(frames[1], Reply)
    assert (frames[1].seq_reply, frames[1].server_time_ms) == (number, 1795345015655)


async def test_a_ping_is_answered_while_another_task_reads_and_the_reader_sees_it_too(connected):
    async def answer_ping(server, connection):
        await server.hear(connection)
        await connection.send(PING_REVOKED)

    seen = []

    async def read(stream):
        with contextlib.suppress(StreamClosed):
            async for frame in stream:
                seen.append(frame)

    async with connected(after_challenge(HELLO, CHALLENGE_OK, then=answer_ping)) as (stream, _):
        await stream.authenticate()
        reader = asyncio.ensure_future(read(stream))
        reply = await stream.ping(wait_seconds=WAIT)
        await stream.close()
        await reader
    assert reply.is_unauthorized
    assert seen == [reply]


async def test_a_ping_without_a_reply_is_a_timeout(connected):
    async with connected(after_challenge(HELLO, CHALLENGE_OK)) as (stream, _):
        await stream.authenticate()
        reader = asyncio.ensure_future(stream.next_frame())
        with pytest.raises(MattermostError, match="no reply to a ping") as caught:
            await stream.ping(wait_seconds=0.2)
        reader.cancel()
    assert caught.value.kind == "timeout"


async def test_a_ping_ends_when_the_connection_does(connected):
    async def hear_and_cut(server, connection):
        await server.hear(connection)
        await cut(server, connection)

    async with connected(after_challenge(HELLO, CHALLENGE_OK, then=hear_and_cut)) as (stream, _):
        await stream.authenticate()
        with pytest.raises(StreamClosed):
            await stream.ping(wait_seconds=WAIT)
        with pytest.raises(StreamClosed):
            await stream.send_ping()


async def test_each_action_has_the_next_number(connected):
    async def hear_two(server, connection):
        await server.hear(connection)
        await server.hear(connection)
        await connection.send(posted(seq=1))

    async with connected(after_challenge(HELLO, CHALLENGE_OK, then=hear_two)) as (stream, server):
        await stream.authenticate()
        assert [await stream.send_ping(), await stream.send_ping()] == [2, 3]
        await stream.next_frame()
    assert [action["seq"] for action in server.received] == [1, 2, 3]


async def test_protocol_pings_of_the_server_are_answered(connected):
    async def ping(server, connection):
        await (await connection.ping())
        await connection.send(posted(seq=1))

    async with connected(after_challenge(HELLO, CHALLENGE_OK, then=ping)) as (stream, _):
        await stream.authenticate()
        assert isinstance(await stream.next_frame(), Posted)


async def test_the_end_of_the_block_closes_with_1000(connected):
    codes = asyncio.get_running_loop().create_future()

    async def wait_for_end(_server, connection):
        await connection.wait_closed()
        codes.set_result(connection.close_code)

    async with connected(after_challenge(HELLO, CHALLENGE_OK, then=wait_for_end)) as (stream, _):
        await stream.authenticate()
    assert await codes == 1000


async def test_a_frame_beyond_the_limit_ends_the_stream(connected):
    behave = after_challenge(HELLO, CHALLENGE_OK, posted(post_json(message="x" * 5000)))
    async with connected(behave, max_size=4096) as (stream, _):
        await stream.authenticate()
        with pytest.raises(StreamClosed):
            await stream.next_frame()


async def test_neither_the_token_nor_messages_reach_the_log_even_at_debug(connected, caplog):
    caplog.set_level(logging.DEBUG)
    async with connected(after_challenge(HELLO, CHALLENGE_OK, PING_REVOKED, posted(seq=1))) as (stream, _):
        await stream.authenticate()
        await stream.next_frame()
        await stream.next_frame()
        assert TOKEN not in repr(stream)
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("websockets.server")]
    assert not [text for text in ours if TOKEN[:8] in text or "challenge" in text or "posted" in text]
