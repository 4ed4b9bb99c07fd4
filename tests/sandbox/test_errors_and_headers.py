"""The shape of errors, and what every answer carries."""

import json

import pytest
import requests

ERROR_FIELDS = ["id", "message", "detailed_error", "request_id", "status_code"]


def test_an_error_has_the_five_fields_in_order(sandbox):
    answer = sandbox.raw("durar", "GET", "/users/notanid")
    assert answer.status_code == 400
    assert list(answer.json()) == ERROR_FIELDS
    assert answer.json()["id"] == "api.context.invalid_url_param.app_error"
    assert answer.json()["detailed_error"] == ""
    assert answer.json()["status_code"] == 400
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json()["request_id"] == answer.headers["X-Request-Id"]


def test_every_authenticated_answer_names_request_version_and_date(sandbox):
    answer = sandbox.raw("durar", "GET", "/users/me")
    assert len(answer.headers["X-Request-Id"]) == 26
    assert answer.headers["X-Version-Id"].startswith("5.37.0.local.")
    assert answer.headers["X-Version-Id"].endswith(".false")
    assert answer.headers["Date"].endswith("GMT")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Token"])
def test_a_token_may_come_as_bearer_or_token(sandbox, scheme):
    headers = {"Authorization": f"{scheme} {sandbox.token('durar')}"}
    assert sandbox.raw("durar", "GET", "/users/me", headers=headers).status_code == 200


@pytest.mark.parametrize("header", ["", "Bearer nonsense", "Basic abc"])
def test_a_bad_or_missing_token_is_401_and_clears_the_cookie(sandbox, header):
    answer = sandbox.raw("durar", "GET", "/users/me", headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.json()["id"] == "api.context.session_expired.app_error"
    assert answer.json()["message"] == "Invalid or expired session, please login again."
    assert answer.headers["Set-Cookie"] == "MMAUTHTOKEN=; Max-Age=0"


def test_revoked_and_disabled_look_like_any_bad_token(sandbox):
    sandbox.revoke("durar")
    sandbox.disable("helper")
    for who in ("durar", "helper"):
        answer = sandbox.raw(who, "GET", "/users/me")
        assert (answer.status_code, answer.json()["id"]) == (401, "api.context.session_expired.app_error")
    sandbox.restore("durar")
    sandbox.enable("helper")
    assert sandbox.raw("durar", "GET", "/users/me").ok
    assert sandbox.raw("helper", "GET", "/users/me").ok


def test_a_token_in_the_query_is_refused(sandbox):
    answer = sandbox.raw("durar", "GET", f"/users/me?access_token={sandbox.token('durar')}")
    assert (answer.status_code, answer.json()["id"]) == (401, "api.context.token_provided.app_error")


@pytest.mark.parametrize("path", ["/nothing/here", "/users/me/channels"])
def test_an_unknown_route_is_text_plain_json_without_request_id(sandbox, path):
    answer = sandbox.raw("durar", "GET", path)
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "text/plain"
    assert "X-Request-Id" not in answer.headers
    assert json.loads(answer.text)["id"] == "api.context.404.app_error"
    assert "request_id" not in json.loads(answer.text)


def test_the_rate_limiter_answers_text_without_request_id(sandbox):
    sandbox.rate_limit(per_second=0.1, burst=2)
    first = sandbox.raw("durar", "GET", "/users/me")
    assert first.headers["X-Ratelimit-Limit"] == "3"
    assert first.headers["X-Ratelimit-Remaining"] == "2"
    assert int(first.headers["X-Ratelimit-Reset"]) >= 1
    answers = [sandbox.raw("durar", "GET", "/users/me") for _ in range(3)]
    limited = answers[-1]
    assert limited.status_code == 429
    assert limited.text == "limit exceeded\n"
    assert limited.headers["Content-Type"] == "text/plain"
    assert int(limited.headers["Retry-After"]) >= 1
    assert "X-Request-Id" not in limited.headers


def test_the_limiter_by_user_writes_each_value_twice(sandbox):
    sandbox.rate_limit(per_second=0.1, burst=4, vary_by_user=True)
    assert sandbox.raw("durar", "GET", "/users/me").headers["X-Ratelimit-Remaining"] == "4, 4"


def test_an_etag_spares_the_body(sandbox):
    etag = sandbox.raw("durar", "GET", "/users/me").headers["Etag"]
    answer = sandbox.raw("durar", "GET", "/users/me", headers={"If-None-Match": etag})
    assert (answer.status_code, answer.content) == (304, b"")


def test_ping_needs_no_token_and_the_configuration_needs_its_format(sandbox):
    base = f"{sandbox.base_url}/api/v4"
    assert requests.get(f"{base}/system/ping", timeout=20).json()["status"] == "OK"
    assert sandbox.raw("durar", "GET", "/config/client").status_code == 501
    config = sandbox.api("durar", "GET", "/config/client?format=old")
    assert config["Version"] == "5.37.0"
    assert config["MaxPostSize"] == "16383"
    assert all(isinstance(value, str) for value in config.values())
    assert "MaxPostSize" not in requests.get(f"{base}/config/client?format=old", timeout=20).json()
