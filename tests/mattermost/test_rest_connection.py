"""What happens to the connection decides whether a write may have happened, and how long a call may take."""

import datetime
import gzip
import ipaddress
import socket
import ssl
import threading
from contextlib import suppress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mattermost_bridge.mattermost import calls
from mattermost_bridge.mattermost.errors import MattermostError
from mattermost_bridge.mattermost.rest import MattermostClient
from tests.mattermost.samples import CHANNEL, ME_JSON, POST_JSON, TOKEN
from tests.mattermost.servers import answer, closed_port, hang_up, scripted_server


def failing_post(client: MattermostClient) -> MattermostError:
    with pytest.raises(MattermostError) as caught:
        client.create_post(CHANNEL, "hello")
    return caught.value


def failing_read(client: MattermostClient) -> MattermostError:
    with pytest.raises(MattermostError) as caught:
        client.me()
    return caught.value


def test_a_refused_connection_means_that_nothing_was_sent():
    error = failing_post(MattermostClient(f"http://127.0.0.1:{closed_port()}", TOKEN))
    assert error.kind == "network"
    assert not error.is_unclear
    assert error.is_server_trouble
    assert not error.permanent
    assert "the connection was refused" in str(error)


def test_an_unknown_host_means_that_nothing_was_sent():
    error = failing_post(MattermostClient("http://nowhere.invalid", TOKEN))
    assert (error.kind, error.is_unclear) == ("network", False)
    assert "the host name cannot be resolved" in str(error)


def test_a_connect_timeout_means_that_nothing_was_sent():
    with (
        socket.create_server(("127.0.0.1", 0), backlog=0) as listener,
        socket.socket() as first,
        socket.socket() as second,
    ):
        for filler in (first, second):  # nobody accepts: a full queue leaves the next connection without an answer
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        client = MattermostClient(f"http://127.0.0.1:{listener.getsockname()[1]}", TOKEN, timeout=(0.2, 5.0))
        error = failing_post(client)
    assert (error.kind, error.is_unclear) == ("timeout", False)
    assert error.is_server_trouble
    assert "no connection could be made in time" in str(error)


def test_a_panic_closes_the_connection_and_the_write_is_unclear(serve):
    client, server = serve(hang_up)
    error = failing_post(client)
    assert (error.kind, error.is_unclear, error.permanent) == ("network", True, False)
    assert "without an answer" in str(error)
    assert len(server.requests) == 1


def test_a_late_answer_is_a_timeout_and_the_write_is_unclear(serve):
    over = threading.Event()
    client, _ = serve(lambda connection, request: over.wait(30) and None, timeout=(5.0, 0.3))
    error = failing_post(client)
    over.set()
    assert (error.kind, error.is_unclear, error.is_server_trouble) == ("timeout", True, True)


@pytest.mark.parametrize("start", [b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"])
def test_an_answer_that_drips_ends_at_the_total_time(serve, start):
    over = threading.Event()

    def drip(connection, _request):
        connection.sendall(start)
        with suppress(OSError):
            while not over.wait(0.05):
                connection.sendall(b"x")

    client, _ = serve(drip, timeout=(5.0, 0.5))
    error = failing_post(client)
    over.set()
    assert (error.kind, error.is_unclear) == ("timeout", True)


def test_an_answer_cut_short_is_unclear(serve):
    def cut(connection, request):
        connection.sendall(answer(201, POST_JSON)[:-20])
        hang_up(connection, request)

    client, _ = serve(cut)
    error = failing_post(client)
    assert (error.kind, error.is_unclear) == ("network", True)


@pytest.mark.parametrize("garbage", [b"\x00\x01\x02\r\n\r\n", b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 xyz\r\n\r\n"])
def test_an_answer_that_is_no_http_is_one_of_our_errors(serve, garbage):
    def talk(connection, request):
        connection.sendall(garbage)
        hang_up(connection, request)

    client, _ = serve(talk)
    assert failing_post(client).is_unclear


def test_a_broken_compression_is_one_of_our_errors(serve):
    client, _ = serve(answer(200, b"not gzip", {"Content-Encoding": "gzip"}))
    assert failing_read(client).kind == "protocol"


def test_a_compressed_answer_is_read(serve):
    body = gzip.compress(answer(200, ME_JSON).partition(b"\r\n\r\n")[2])
    client, _ = serve(answer(200, body, {"Content-Encoding": "gzip"}))
    assert client.me().username == "durar"


def test_an_answer_beyond_the_limit_is_refused(serve, monkeypatch):
    monkeypatch.setattr(calls, "MAX_BODY", 100_000)
    client, _ = serve(answer(200, gzip.compress(b" " * 50_000_000), {"Content-Encoding": "gzip"}))
    error = failing_read(client)
    assert error.kind == "protocol"
    assert "longer than" in str(error)


@pytest.mark.parametrize("first", [hang_up, answer(502, b"bad gateway"), answer(503, b""), answer(504, b"")])
def test_a_read_is_tried_again_after_a_short_trouble(serve, first):
    client, server = serve(first, answer(200, ME_JSON))
    assert client.me().username == "durar"
    assert len(server.requests) == 2


def test_a_read_gives_up_after_few_tries(serve):
    client, server = serve(answer(503, b"down for maintenance"))
    error = failing_read(client)
    assert (error.status, error.is_server_trouble) == (503, True)
    assert len(server.requests) == 3


@pytest.mark.parametrize("status", [429, 500, 501])
def test_a_read_is_not_repeated_after_other_errors(serve, status):
    client, server = serve(answer(status, b"no"))
    assert failing_read(client).status == status
    assert len(server.requests) == 1


@pytest.mark.parametrize("first", [hang_up, answer(502, b"bad gateway"), answer(503, b""), answer(504, b"")])
def test_a_write_is_sent_once(serve, first):
    client, server = serve(first, answer(201, POST_JSON))
    assert failing_post(client).is_unclear
    assert len(server.requests) == 1


def test_one_connection_serves_many_calls(serve):
    client, server = serve(answer(200, ME_JSON))
    for _ in range(5):
        client.me()
    assert server.connections == 1


def test_an_error_answer_leaves_the_connection_usable(serve):
    client, server = serve(answer(403, b"{}"), answer(201, POST_JSON))
    failing_post(client)
    assert client.create_post(CHANNEL, "again").id == POST_JSON["id"]
    assert server.connections == 1


def test_a_connection_that_was_idle_for_long_is_not_used_for_a_write(serve, monkeypatch):
    client, server = serve(answer(201, POST_JSON))
    client.create_post(CHANNEL, "one")
    monkeypatch.setattr(calls, "_IDLE", -1.0)
    client.create_post(CHANNEL, "two")
    assert server.connections == 2


def test_a_server_that_closed_the_idle_connection_is_met_by_a_new_one(serve):
    closed = threading.Semaphore(0)

    def answer_and_close(connection, request):
        connection.sendall(answer(201, POST_JSON))
        hang_up(connection, request)
        closed.release()

    client, server = serve(answer_and_close)
    for _ in range(3):
        client.create_post(CHANNEL, "hello")
        assert closed.acquire(timeout=30)
    assert server.connections == 3


def test_only_a_read_tries_a_refused_connection_again(monkeypatch):
    tries = []

    def refuse(address, *_args, **_options):
        tries.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr("urllib3.util.connection.create_connection", refuse)
    client = MattermostClient("http://127.0.0.1:8065", TOKEN)
    assert not failing_post(client).is_unclear
    assert len(tries) == 1
    failing_read(client)
    assert len(tries) == 1 + 3


def test_an_endless_error_body_is_cut(serve):
    def flood(connection, _request):
        connection.sendall(b"HTTP/1.1 500 Internal Server Error\r\n\r\n")
        with suppress(OSError):
            while True:
                connection.sendall(b"x" * 65536)

    client, _ = serve(flood)
    assert failing_post(client).status == 500


@pytest.fixture
def certificate(tmp_path):
    """A certificate for 127.0.0.1 signed by itself: (path of certificate, path of key)."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (tmp_path / "cert.pem").write_bytes(made.public_bytes(pem))
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (tmp_path / "key.pem").write_bytes(private)
    return str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")


@pytest.fixture
def tls_wrap(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return lambda connection: context.wrap_socket(connection, server_side=True)


def test_an_untrusted_certificate_means_that_nothing_was_sent(tls_wrap):
    with scripted_server(answer(201, POST_JSON), wrap=tls_wrap) as server:
        error = failing_post(MattermostClient(server.url, TOKEN))
    assert (error.kind, error.is_unclear, error.is_server_trouble) == ("tls", False, True)
    assert "TLS error" in str(error)
    assert "certificate is not trusted" in str(error)
    assert server.requests == []


def test_a_port_without_tls_is_a_tls_error_too(sandbox):
    error = failing_post(MattermostClient(sandbox.base_url.replace("http:", "https:"), TOKEN))
    assert (error.kind, error.is_unclear) == ("tls", False)
    assert "no encrypted connection could be made" in str(error)


def test_a_companys_own_certificate_is_trusted_once_it_is_named(tls_wrap, certificate, monkeypatch):
    from mattermost_bridge.mattermost import transport

    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certificate[0])
    transport.tls_context.cache_clear()
    try:
        with scripted_server(answer(201, POST_JSON), wrap=tls_wrap) as server:
            client = MattermostClient(server.url, TOKEN)
            assert client.create_post(CHANNEL, "over tls").id == POST_JSON["id"]
            client.close()
    finally:
        transport.tls_context.cache_clear()
