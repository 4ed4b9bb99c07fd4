"""Files by address: what is fetched, and how nothing leads into the network that Durar stands in."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO

import pytest

from mattermost_bridge.services import fetching
from mattermost_bridge.services.errors import Refused
from mattermost_bridge.services.fetching import Allowed, fetch, safe_name

PRIVATE = Allowed(private=True)


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.heard.append((self.path, self.headers.get("Host"), self.headers.get("Authorization")))
        status, headers, body = self.server.answers.get(self.path.partition("?")[0], (404, {}, b""))
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def web():
    """A web server of this machine; a test says what it answers."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    server.answers, server.heard = {"/chart.png": (200, {"Content-Type": "image/png; q=1"}, b"picture")}, []
    server.origin = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def names(monkeypatch):
    """What host names resolve to; each is asked for once for each connection."""
    known: dict[str, list[list[str]]] = {}
    monkeypatch.setattr(fetching, "resolve", lambda host, port: known[host].pop(0) if host in known else [host])
    return known


def read(url, allowed=PRIVATE, longest=1000):
    into = BytesIO()
    return fetch(url, into, allowed=allowed, longest=longest), into.getvalue()


def test_a_file_is_read_with_name_type_and_size(web):
    found, content = read(f"{web.origin}/chart.png?sig=abc")
    assert (found.name, found.mime_type, found.size, content) == ("chart.png", "image/png", 7, b"picture")
    assert web.heard == [("/chart.png?sig=abc", f"127.0.0.1:{web.server_port}", None)]


@pytest.mark.parametrize(
    ("path", "headers", "name"),
    [
        ("/get", {"Content-Disposition": 'attachment; filename="../../etc/passwd"'}, "passwd"),
        ("/a%20b.txt", {}, "a b.txt"),
        ("/", {"Content-Type": "image/png"}, "upload.png"),
        ("/download", {"Content-Type": "application/pdf"}, "download.pdf"),
    ],
)
def test_what_it_is_called(web, path, headers, name):
    web.answers[path] = (200, headers, b"x")
    assert read(web.origin + path)[0].name == name


def test_names_lose_what_means_something_to_systems():
    assert safe_name("..\\..\\a<b>:c.txt\0") == "abc.txt"
    assert safe_name(" .. ") == "upload"
    assert len(safe_name("x" * 500 + ".png")) <= 120


def test_the_machine_itself_is_not_asked_unless_that_is_allowed(web):
    with pytest.raises(Refused, match=r"private network.*dangerouslyAllowPrivateNetwork"):
        read(f"{web.origin}/chart.png", Allowed())
    assert web.heard == []
    assert read(f"{web.origin}/chart.png", Allowed(trusted=web.origin))[1] == b"picture"
    with pytest.raises(Refused, match="private network"):
        read(f"{web.origin}/chart.png", Allowed(trusted="http://127.0.0.1:1"))


def test_a_name_with_one_private_address_is_not_asked(web, names):
    names["files.example.com"] = [["93.184.216.34", "10.0.0.1"]]
    with pytest.raises(Refused, match="private network"):
        read("http://files.example.com/x", Allowed())


def test_the_connection_goes_to_the_address_that_was_looked_at(web, names):
    # A second question would be answered differently; it is never asked.
    names["files.example.com"] = [["127.0.0.1"], ["10.0.0.1"]]
    found, _ = read(f"http://files.example.com:{web.server_port}/chart.png")
    assert found.size == 7
    assert names["files.example.com"] == [["10.0.0.1"]]
    assert web.heard[0][1] == f"files.example.com:{web.server_port}"


def test_redirects_are_looked_at_like_the_first_address(web, names):
    web.answers["/moved"] = (302, {"Location": "/chart.png"}, b"")
    assert read(f"{web.origin}/moved")[1] == b"picture"
    names["inside.example.com"] = [["10.0.0.1"]]
    web.answers["/inside"] = (302, {"Location": "http://inside.example.com/secret"}, b"")
    with pytest.raises(Refused, match=r"http://inside\.example\.com/secret leads into a private network"):
        read(f"{web.origin}/inside", Allowed(trusted=web.origin))
    web.answers["/round"] = (302, {"Location": "/round"}, b"")
    with pytest.raises(Refused, match="redirects more than 3 times"):
        read(f"{web.origin}/round")
    web.answers["/file"] = (302, {"Location": "file:///etc/passwd"}, b"")
    with pytest.raises(Refused, match="must be http or https"):
        read(f"{web.origin}/file")


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("ftp://example.com/x", "must be http or https"),
        ("http:///x", "must be http or https"),
        ("http://user:pass@example.com/x", r"^http://example\.com/x holds a user name"),
        ("http://example.com:99999/x", "no usable port"),
        ("http://127.0.0.1:1/x?token=secret", r"^http://127\.0\.0\.1:1/x was not reached: the connection was refused"),
    ],
)
def test_what_cannot_be_fetched_is_said_without_secrets(url, sentence):
    with pytest.raises(Refused, match=sentence) as refused:
        read(url)
    assert "secret" not in str(refused.value)
    assert "pass@" not in str(refused.value)


def test_an_answer_that_is_no_file_or_too_large_is_said(web):
    with pytest.raises(Refused, match="answers 404 instead of a file"):
        read(f"{web.origin}/nothing")
    with pytest.raises(Refused, match=r"larger than 3 bytes.*mediaMaxMb"):
        read(f"{web.origin}/chart.png", longest=3)
    web.answers["/cut"] = (200, {"Content-Length": "100"}, b"short")
    with pytest.raises(Refused, match="not reached"):
        read(f"{web.origin}/cut")


@pytest.mark.parametrize("url", ["http://[", "https://[::1", "http:", "http://h\u2100.de/x", "http:///x"])
def test_what_is_no_address_is_said(url):
    assert fetching.is_address(url)
    with pytest.raises(Refused):
        fetch(url, BytesIO(), allowed=PRIVATE, longest=10)


def test_a_redirect_to_what_is_no_address_is_said(web):
    web.answers["/away"] = (302, {"Location": "http://["}, b"")
    with pytest.raises(Refused, match="no address"):
        fetch(f"{web.origin}/away", BytesIO(), allowed=PRIVATE, longest=10)
