"""Every failure becomes one sentence that names the cause and the remedy."""

from __future__ import annotations

import datetime
import email.utils
import socket
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mattermost_bridge.agents.base import ErrorKind
from mattermost_bridge.agents.openai_errors import retry_after

from .conftest import failure
from .openai_server import OpenAIServer, Reply, breaks_off, hangs_up, refuses, says, sends, streams


def sends_part(status: int) -> Reply:
    return lambda exchange: exchange.send_part(status, b'{"choices": [')


HTML = "<html><head><style>b{}</style></head><body><h1>Bad&nbsp;Gateway</h1></body></html>"


@pytest.mark.parametrize(
    ("reply", "kind", "words"),
    [
        (refuses(401, "Invalid key."), "refused_key", ['refused the API key of the agent "Ada" (401)', "Invalid key"]),
        (refuses(403, "Region."), "refused_key", ["(403)", 'the model "test-model"', "Region"]),
        (refuses(402, "Pay."), "rate_limited", ["no credit", "billing"]),
        (refuses(429, "Slow down."), "rate_limited", ["too many requests (429)", "Slow down"]),
        (refuses(429, "You exceeded your current quota", code="insufficient_quota"), "rate_limited", ["no credit"]),
        (refuses(404, "x", code="model_not_found"), "bad_settings", ['has no model "test-model"']),
        (
            refuses(400, "image_url is not supported by this model"),
            "bad_settings",
            ["did not take the image", '"takes'],
        ),
        (refuses(500, "this is not a multimodal model"), "bad_settings", ["did not take the image", "switch off"]),
        (refuses(400, "temperature is wrong"), "bad_settings", ["refused the request (400)", "temperature is wrong"]),
        (refuses(400, "maximum context length is 8192 tokens"), "bad_settings", ["less history", "8192"]),
        (refuses(413, ""), "bad_settings", ["less history"]),
        (refuses(500, "Out of memory"), "server_error", ["status 500", "Out of memory"]),
        (sends(502, HTML, "text/html"), "server_error", ["status 502", '"Bad&nbsp;Gateway"']),
        (sends(503, "", "text/plain"), "server_error", ["status 503", "Try again later"]),
        (sends(418, {"detail": [{"msg": "teapot"}]}), "bad_settings", ["(418)", "teapot"]),
        (sends(307, "", location="https://elsewhere.example/v1"), "bad_settings", ["redirect", "elsewhere.example"]),
        (sends(200, HTML, "text/html"), "bad_answer", ["web page", "base URL"]),
        (sends(200, "not JSON"), "bad_answer", ["cannot be read"]),
        (sends(200, {"message": "ok"}), "bad_answer", ["nothing of the chat API"]),
        (
            sends(200, {"error": {"message": "upstream gone"}}),
            "server_error",
            ["instead of an answer", "upstream gone"],
        ),
        (sends(200, {"choices": []}), "bad_answer", ["answered with nothing"]),
        (streams("{broken"), "bad_answer", ["cannot be read"]),
        (streams(), "bad_answer", ["nothing of the chat API"]),
        (streams({"choices": []}), "bad_answer", ["answered with nothing"]),
        (streams({"error": {"message": "cuda", "code": 500}}), "server_error", ["status 500", "cuda"]),
        (streams({"error": {"message": "the prompt is too long"}}), "bad_settings", ["less history"]),
        (streams({"error": {"message": "x", "code": "rate_limit_exceeded"}}), "rate_limited", ["too many requests"]),
        (says(" \n "), "bad_answer", ["answered with nothing"]),
        (says("", finish="length"), "bad_answer", ["used up its tokens"]),
        (says("", finish="content_filter"), "bad_answer", ["content filter"]),
        (says("", finish="tool_calls"), "bad_answer", ["called a tool"]),
        (hangs_up(), "unreachable", ["closed the connection before it had answered"]),
        (sends_part(200), "unreachable", ["broke in the middle"]),
        (sends_part(500), "unreachable", ["broke in the middle"]),
        (sends(200, "no gzip", content_encoding="gzip"), "bad_answer", ["compressed"]),
        (breaks_off("half an ans"), "unreachable", ["broke in the middle", "after 11 characters"]),
    ],
)
def test_a_failure_names_its_cause(server, config, reply, kind, words):
    server.reply(reply)
    error = failure(config())
    assert error.kind == kind
    for word in words:
        assert word in error.cause
    assert error.cause.endswith((".", '".'))


def test_a_server_that_wants_a_key_and_gets_none_says_so(server, config):
    server.reply(refuses(401, "Missing bearer"))
    assert "has none. Enter one" in failure(config(api_key="")).cause


def test_a_redirect_is_not_followed(server, config):
    with OpenAIServer() as other:
        server.reply(sends(308, "", location=f"{other.base_url}/chat/completions"))
        failure(config())
        assert other.requests == []


def test_a_path_without_the_api_gets_the_hint_that_it_ends_in_v1(server, config):
    error = failure(config(base_url=server.origin))
    assert error.kind == ErrorKind.BAD_SETTINGS
    assert f"try {server.origin}/v1" in error.cause


def test_a_wrong_path_below_v1_gets_no_such_hint(server, config):
    assert "usually ends" not in failure(config(base_url=f"{server.base_url}/x")).cause


@pytest.mark.parametrize("status", [429, 503])
def test_the_time_that_a_server_asks_to_wait_is_kept(server, config, status):
    server.reply(refuses(status, "later", retry_after="17"))
    assert failure(config()).retry_after == 17


def test_a_name_that_does_not_exist(config):
    error = failure(config(base_url="http://no-such-host.invalid/v1"))
    assert error.kind == ErrorKind.UNREACHABLE
    assert 'The name "no-such-host.invalid" could not be found (DNS)' in error.cause


def test_a_port_where_nothing_listens(config):
    with socket.socket() as taken:  # bound, and not listening
        taken.bind(("127.0.0.1", 0))
        error = failure(config(base_url=f"http://localhost:{taken.getsockname()[1]}/v1"))
    assert error.kind == ErrorKind.UNREACHABLE
    assert "connection refused" in error.cause


def test_https_to_a_port_that_speaks_http(server, config):
    error = failure(config(base_url=f"https://127.0.0.1:{server.port}/v1"))
    assert error.kind == ErrorKind.UNREACHABLE
    assert "must begin with http://" in error.cause


def test_a_certificate_that_nobody_signed(config, tmp_path):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = tmp_path / "server.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem.write_bytes(secret + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    with OpenAIServer(tls=context) as server:
        error = failure(config(base_url=server.base_url))
        assert server.requests == []
    assert error.kind == ErrorKind.UNREACHABLE
    assert "is not trusted" in error.cause
    assert "SSL_CERT_FILE" in error.cause


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "2.5"}, 2.5),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0),
        ({"retry-after": "1e9"}, 86_400),
        ({}, None),
    ],
)
def test_retry_after_is_a_number_or_a_date(headers: dict, seconds: float | None):
    assert retry_after(headers) == seconds


def test_retry_after_in_the_future_is_the_time_until_then():
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)
    seconds = retry_after({"retry-after": email.utils.format_datetime(later, usegmt=True)})
    assert seconds is not None
    assert 0 < seconds <= 3600
