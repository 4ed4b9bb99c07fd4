"""Every error that a server answers with becomes one exception that says what to do."""

import gc

import pytest

from mattermost_bridge.mattermost.errors import MattermostError, redact, retry_after_seconds
from tests.mattermost.samples import PERMISSIONS, SESSION_EXPIRED, TOKEN, error_json
from tests.mattermost.servers import answer

DUPLICATE_PENDING = error_json("api.post.deduplicate_create_post.pending", 500, "Unable to save the post.")
UNKNOWN_ROUTE = {
    "id": "api.context.404.app_error",
    "message": "Sorry, we could not find the page.",
    "detailed_error": "There doesn't appear to be an api call for the url='/api/v4/nowhere'.",
    "status_code": 404,
}


@pytest.fixture
def failed(serve):
    """Return what a POST raises when the server gives this answer."""

    def call(reply: bytes) -> MattermostError:
        client, _ = serve(reply)
        with pytest.raises(MattermostError) as caught:
            client.create_post("c1", "hello")
        return caught.value

    return call


def test_the_usual_body_gives_id_text_and_request_id(failed):
    error = failed(answer(403, PERMISSIONS, reason="Forbidden"))
    assert str(error) == "Mattermost API 403 Forbidden: You do not have the appropriate permissions."
    assert (error.status, error.error_id, error.kind) == (403, "api.context.permissions.app_error", "http")
    assert error.request_id == "j7wf1111111111111111111111"
    assert error.permanent
    assert not error.is_unclear
    assert not error.is_server_trouble


def test_a_refused_token_is_known_by_its_status(failed):
    error = failed(answer(401, SESSION_EXPIRED, reason="Unauthorized"))
    assert error.is_unauthorized
    assert error.error_id == "api.context.session_expired.app_error"


def test_the_429_is_plain_text_and_says_how_long_to_wait(failed):
    headers = {"Content-Type": "text/plain", "Retry-After": "1", "X-Ratelimit-Limit": "101", "X-Ratelimit-Reset": "3"}
    error = failed(answer(429, b"limit exceeded\n", headers, reason="Too Many Requests"))
    assert str(error) == "Mattermost API 429 Too Many Requests: limit exceeded"
    assert error.is_rate_limited
    assert error.retry_after == 1.0
    assert not error.permanent
    assert not error.is_unclear


def test_without_retry_after_the_reset_header_counts_also_when_it_is_doubled(failed):
    error = failed(answer(429, b"limit exceeded\n", {"X-Ratelimit-Reset": "4, 4"}))
    assert error.retry_after == 4.0


def test_an_unknown_route_is_json_in_plain_text_without_request_id(failed):
    error = failed(
        answer(404, UNKNOWN_ROUTE, {"Content-Type": "text/plain", "X-Request-Id": "abc"}, reason="Not Found")
    )
    assert error.error_id == "api.context.404.app_error"
    assert str(error) == "Mattermost API 404 Not Found: Sorry, we could not find the page."
    assert error.request_id == "abc"


def test_a_post_that_is_being_saved_is_neither_final_nor_known(failed):
    error = failed(answer(500, DUPLICATE_PENDING))
    assert error.is_still_being_saved
    assert not error.permanent
    assert error.is_unclear
    assert not error.is_server_trouble


@pytest.mark.parametrize(
    ("status", "permanent", "unclear", "trouble"),
    [
        (400, True, False, False),
        (403, True, False, False),
        (404, True, False, False),
        (408, False, True, False),
        (413, True, False, False),
        (414, True, False, False),
        (429, False, False, False),
        (500, False, True, False),
        (501, False, True, False),
        (502, False, True, True),
        (503, False, True, True),
        (504, False, True, True),
        (599, False, True, False),
    ],
)
def test_the_status_says_whether_to_try_again_and_whether_to_look_first(failed, status, permanent, unclear, trouble):
    error = failed(answer(status, b"<html>some proxy</html>", {"Content-Type": "text/html"}))
    assert (error.permanent, error.is_unclear, error.is_server_trouble) == (permanent, unclear, trouble)
    assert error.status == status
    assert error.error_id == ""


@pytest.mark.parametrize(
    "body", [b"", b"   \n", b"{}", b"[]", b"null", b'{"message": null}', b'{"id": ["x"]}', b"\xff\xfe"]
)
def test_bodies_of_other_shapes_still_give_a_sentence(failed, body):
    error = failed(answer(500, body, reason="Internal Server Error"))
    assert str(error).startswith("Mattermost API 500 Internal Server Error: ")
    assert len(str(error)) > len("Mattermost API 500 Internal Server Error: ")


def test_an_empty_body_is_an_unknown_error(failed):
    assert str(failed(answer(502, b"", reason="Bad Gateway"))) == "Mattermost API 502 Bad Gateway: unknown error"


def test_long_bodies_are_cut(failed):
    error = failed(answer(500, b"x" * 1_000_000))
    assert len(str(error)) < 600


def test_a_deeply_nested_error_body_is_still_an_error(failed):
    # What other tests left behind must not be cleared away at the bottom of the stack, where nothing can be called.
    gc.collect()
    gc.disable()
    try:
        assert failed(answer(400, b"[" * 3000 + b"]" * 3000)).status == 400
    finally:
        gc.enable()


def test_the_token_is_struck_out_of_what_the_server_says(failed):
    body = error_json("api.context.invalid_token.error", 401, f"Invalid session token={TOKEN}, err=")
    error = failed(answer(401, body))
    assert TOKEN not in str(error)
    assert "Invalid session token=[redacted], err=" in str(error)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Authorization: Bearer abcdefgh1", "Authorization: Bearer [redacted]"),
        ("session token=abc123def, err=", "session token=[redacted], err="),
        ("Invalid token provided", "Invalid token provided"),
        (f"token {TOKEN}", "token [redacted]"),
        ("the secret word", "the [redacted] word"),
    ],
)
def test_secrets_are_redacted_and_words_are_not(text, expected):
    assert redact(text, "secret", "") == expected


@pytest.mark.parametrize(
    ("headers", "status", "expected"),
    [
        ({"Retry-After": "4, 4"}, 429, 4.0),
        ({"Retry-After": "2.5"}, 429, 2.5),
        ({"Retry-After": "-1"}, 429, 0.0),
        ({"Retry-After": "120"}, 503, 120.0),
        ({"Retry-After": "Sun, 22 Nov 2026 16:00:30 GMT", "Date": "Sun, 22 Nov 2026 16:00:00 GMT"}, 503, 30.0),
        ({"Retry-After": "Sun, 22 Nov 2026 16:00:30 GMT"}, 503, None),
        ({"Retry-After": "soon"}, 429, None),
        ({"Retry-After": "soon", "X-Ratelimit-Reset": "2"}, 429, 2.0),
        ({"Retry-After": "inf"}, 429, None),
        ({"Retry-After": "1e999"}, 429, None),
        ({"X-Ratelimit-Reset": "7"}, 200, None),
        ({}, 429, None),
    ],
)
def test_how_long_to_wait_is_read_from_the_headers(headers, status, expected):
    assert retry_after_seconds(headers, status=status) == expected


def test_an_error_made_without_details_is_on_the_safe_side():
    error = MattermostError("no answer")
    assert error.kind == "network"
    assert error.is_unclear
    assert error.is_server_trouble
    assert not error.permanent
