"""The token goes to the account's own server and nowhere else, and into no text."""

import logging
import pickle
import traceback

import pytest

from mattermost_bridge.mattermost import rest
from mattermost_bridge.mattermost.errors import MattermostError
from mattermost_bridge.mattermost.rest import MattermostClient
from tests.mattermost.samples import CHANNEL, ME_JSON, POST_JSON, SESSION_EXPIRED, TOKEN
from tests.mattermost.servers import answer, hang_up, scripted_server


def test_a_netrc_entry_does_not_replace_the_token(serve, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    redirect = answer(302, b"", {"Location": "/api/v4/users/me"})
    client, server = serve(answer(200, ME_JSON), redirect, answer(200, ME_JSON))
    client.me()
    client.me()
    assert [request.headers["Authorization"] for request in server.requests] == [f"Bearer {TOKEN}"] * 3


def test_a_proxy_of_the_environment_is_not_used(serve, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    client, _ = serve(answer(200, ME_JSON))
    assert client.me().username == "durar"


def test_the_cookie_of_a_401_is_not_kept(serve):
    cookies = {"Set-Cookie": "MMAUTHTOKEN=; Max-Age=0"}
    client, server = serve(
        answer(401, SESSION_EXPIRED, cookies),
        answer(200, ME_JSON, {"Set-Cookie": "MMAUTHTOKEN=somebodyelse; Path=/"}),
        answer(200, ME_JSON),
    )
    with pytest.raises(MattermostError):
        client.me()
    client.me()
    client.me()
    assert all("Cookie" not in request.headers for request in server.requests)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_write_follows_no_redirect(serve, status):
    client, server = serve(answer(status, b"", {"Location": "/api/v4/posts"}), answer(201, POST_JSON))
    with pytest.raises(MattermostError, match="set the base URL") as caught:
        client.create_post(CHANNEL, "hello")
    assert len(server.requests) == 1
    assert caught.value.status == status
    assert not caught.value.is_unclear
    assert not caught.value.permanent


def test_a_read_follows_a_redirect_on_the_same_server_only(serve):
    client, server = serve(answer(301, b"", {"Location": "/api/v4/users/me?x=1"}), answer(200, ME_JSON))
    assert client.me().username == "durar"
    assert server.requests[1].target == "/api/v4/users/me?x=1"


@pytest.mark.parametrize(
    "location", ["http://127.0.0.2:{port}/x", "https://127.0.0.1:{port}/x", "http://u:p@127.0.0.1/x"]
)
def test_a_read_does_not_carry_the_token_to_another_server(serve, location):
    with scripted_server(answer(200, ME_JSON)) as other:
        port = other.url.rpartition(":")[2]
        client, _ = serve(answer(302, b"", {"Location": location.format(port=port)}))
        with pytest.raises(MattermostError, match="redirects to") as caught:
            client.me()
    assert other.connections == 0
    assert "u:p" not in str(caught.value)


def test_redirects_in_a_circle_end(serve):
    client, server = serve(answer(302, b"", {"Location": "/api/v4/users/me"}))
    with pytest.raises(MattermostError, match="circle"):
        client.me()
    assert len(server.requests) == 4


@pytest.mark.parametrize("segment", ["..", ".", "", "%2e%2e", "a\nb"])
def test_an_id_cannot_lead_to_another_path(serve, segment):
    client, server = serve(answer(200, POST_JSON))
    with pytest.raises(MattermostError) as caught:
        client.post(segment)
    assert caught.value.permanent
    assert not caught.value.is_unclear
    assert server.requests == []


@pytest.mark.parametrize("token", ["", "  ", "two words", "line\nbreak", "tök€n"])
def test_a_token_that_cannot_be_one_is_refused_without_being_quoted(serve, token):
    with scripted_server(answer(200, ME_JSON)) as server, pytest.raises(MattermostError) as caught:
        MattermostClient(server.url, token).me()
    assert caught.value.is_unauthorized
    assert not caught.value.is_unclear
    assert token.strip() == "" or token not in str(caught.value)
    assert server.requests == []


def test_blanks_around_a_pasted_token_do_no_harm():
    with scripted_server(answer(200, ME_JSON)) as server:
        MattermostClient(server.url, f" {TOKEN}\n").me()
    assert server.requests[0].headers["Authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize(
    "reply",
    [hang_up, answer(200, TOKEN.encode()), answer(401, TOKEN.encode()), answer(302, b"", {"Location": f"//x/{TOKEN}"})],
)
def test_the_token_stands_in_no_error_traceback_log_or_repr(serve, caplog, reply):
    caplog.set_level(logging.DEBUG)
    client, _ = serve(reply)
    with pytest.raises(MattermostError) as caught:
        client.create_post(CHANNEL, "hello")
    told = "".join(traceback.format_exception(caught.value)) + caplog.text + repr(client) + repr(client._auth)
    assert TOKEN not in told
    error: BaseException | None = caught.value
    while error is not None:  # nothing that is chained drags the request along, whose headers hold the token
        assert getattr(error, "request", None) is None
        error = error.__cause__ or error.__context__


def test_an_error_can_be_pickled(serve):
    client, _ = serve(answer(429, b"limit exceeded\n", {"Retry-After": "2"}))
    with pytest.raises(MattermostError) as caught:
        client.me()
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (str(copy), copy.status, copy.retry_after) == (str(caught.value), 429, 2.0)


def test_every_call_passes_the_hook_before_anything_is_sent(serve):
    class InTransactionError(Exception):
        pass

    def refuse():
        raise InTransactionError

    client, server = serve(answer(200, ME_JSON))
    rest.before_request.append(refuse)
    try:
        with pytest.raises(InTransactionError):
            client.me()
        with pytest.raises(InTransactionError):
            client.create_post(CHANNEL, "hello")
    finally:
        rest.before_request.remove(refuse)
    assert server.connections == 0
    client.me()
