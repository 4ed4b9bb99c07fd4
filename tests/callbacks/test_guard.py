"""The guard bounds bodies in size and time, believes no header, and takes clicks only from where they may come."""

from __future__ import annotations

import json
import socket
from ipaddress import ip_network

import requests

from mattermost_bridge.callbacks.guard import LONGEST_BODY
from mattermost_bridge.config import effective
from mattermost_bridge.models import BridgeDefaults
from mattermost_bridge.services import clicks

PATH = "/mattermost/interactions/default"


def raw(web, *, length=None, body=b"", extra="", close=True):
    """Send a request by hand and return status and JSON of the answer."""
    with socket.create_connection(("127.0.0.1", web.port), 30) as connection:
        announced = f"Content-Length: {length}\r\n" if length is not None else ""
        connection.sendall(f"POST {PATH} HTTP/1.1\r\nHost: x\r\n{announced}{extra}\r\n".encode() + body)
        if close:
            connection.shutdown(socket.SHUT_WR)
        connection.settimeout(30)
        answer = b""
        while more := connection.recv(65536):
            answer += more
    head, _, text = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]) if head else 0, json.loads(text) if text.startswith(b"{") else None


def test_everything_else_goes_on_to_the_application_behind(web):
    for path in ("/", "/mattermost/interactions/", "/mattermost/interactions", f"{PATH}/more"):
        assert requests.post(f"{web.base_url}{path}", timeout=30).status_code == 418


def test_a_body_of_64_kib_is_read_and_one_byte_more_is_not(web, account):
    context = {"context": {"a": "b" * (LONGEST_BODY - len('{"context": {"a": ""}}'))}}
    body = json.dumps(context).encode()
    assert len(body) == LONGEST_BODY
    assert web.post(body).json() == {"error": "Missing token"}
    answer = web.post(body + b" ")
    assert (answer.status_code, answer.json()) == (413, {"error": "Payload too large"})


def test_a_length_that_is_too_large_is_refused_before_anything_comes(web, account):
    assert raw(web, length=LONGEST_BODY + 1, close=False) == (413, {"error": "Payload too large"})


def test_a_body_without_a_length_is_bounded_too(web, account):
    chunks = b"10000\r\n" + b"x" * LONGEST_BODY + b"\r\n" + b"1\r\nx\r\n"
    assert raw(web, extra="Transfer-Encoding: chunked\r\n", body=chunks, close=False) == (
        413,
        {"error": "Payload too large"},
    )


def test_a_body_that_is_shorter_than_it_says_is_no_click(web, account, monkeypatch):
    monkeypatch.setattr(web.clicks, "body_seconds", 0.2)
    assert raw(web, length=100, body=b"{}", close=False) == (408, {"error": "Request body timeout"})
    # Who hangs up gets no answer, and the server lives on.
    raw(web, length=100, body=b"{}")
    assert web.post({}).status_code == 400


def test_a_slow_body_is_given_up(web, account, monkeypatch):
    monkeypatch.setattr(web.clicks, "body_seconds", 0.2)
    assert raw(web, length=10, close=False) == (408, {"error": "Request body timeout"})


def test_two_lengths_are_one_too_many(web, account):
    status, _ = raw(web, length=2, extra="Content-Length: 3\r\n", body=b"{}", close=False)
    assert status == 400


def _allow(account, *entries, proxies=(), real_ip=False):
    account.interactions_allowed_source_ips = list(entries)
    account.save()
    BridgeDefaults.objects.update_or_create(
        pk=1, defaults={"trusted_proxies": list(proxies), "allow_real_ip_fallback": real_ip}
    )
    effective.bump_version()


FORBIDDEN = (403, {"error": "Forbidden origin"})
TAKEN = (400, {"error": "Missing context"})


CASES = [
    ([], [], {}, TAKEN),
    (["127.0.0.0/8"], [], {}, TAKEN),
    (["203.0.113.9"], [], {}, FORBIDDEN),
    (["203.0.113.9"], [], {"X-Forwarded-For": "203.0.113.9"}, FORBIDDEN),
    (["203.0.113.9"], ["127.0.0.1"], {"X-Forwarded-For": "203.0.113.9"}, TAKEN),
    (["203.0.113.9"], ["127.0.0.1"], {"X-Forwarded-For": "203.0.113.9, 198.51.100.1"}, FORBIDDEN),
    ([], ["127.0.0.1"], {"X-Forwarded-For": "127.0.0.1, 198.51.100.1"}, FORBIDDEN),
    ([], ["127.0.0.1"], {}, FORBIDDEN),
    (["203.0.113.9"], ["127.0.0.1"], {"X-Real-IP": "203.0.113.9"}, FORBIDDEN),
]


def test_clicks_are_taken_from_allowed_addresses_behind_trusted_proxies(web, account):
    for allowed, proxies, headers, answer in CASES:
        _allow(account, *allowed, proxies=proxies)
        found = web.post({}, headers=headers)
        assert (found.status_code, found.json()) == answer, (allowed, proxies, headers)


def test_another_header_counts_when_the_operator_says_so(web, account):
    _allow(account, "203.0.113.9", proxies=["127.0.0.1"], real_ip=True)
    assert web.post({}, headers={"X-Real-IP": "203.0.113.9"}).status_code == 400


def test_proxies_of_the_environment_count_too(web, account, settings):
    settings.TRUSTED_PROXIES = [ip_network("127.0.0.1/32")]
    _allow(account, "203.0.113.9")
    assert web.post({}, headers={"X-Forwarded-For": "203.0.113.9"}).status_code == 400


def test_a_source_that_may_not_call_is_refused_before_its_body_is_read(web, account):
    _allow(account, "203.0.113.9")
    assert raw(web, length=10**9, close=False) == FORBIDDEN


def test_the_host_that_is_called_does_not_matter(web, account):
    assert web.post({}, headers={"Host": "gateway.internal:18789"}).status_code == 400


def test_a_defect_of_ours_is_an_error_and_no_silence(web, account, monkeypatch, caplog):
    def fail(*_):
        raise RuntimeError("a defect")

    monkeypatch.setattr(clicks, "verify", fail)
    answer = web.post({})
    assert (answer.status_code, answer.json()) == (500, {"error": "Interaction handler failed"})
    assert "a call of Mattermost could not be answered" in caplog.text
