"""A webhook over real HTTP: what it gets, and what becomes of each kind of answer."""

from __future__ import annotations

import hashlib
import hmac
from datetime import timedelta

import pytest
from django.utils import timezone

from mattermost_bridge.models import AlertNotice, AlertTarget
from mattermost_bridge.services import alert_transports
from mattermost_bridge.services.alert_notices import send_due
from tests import factories
from tests.mattermost.servers import answer, closed_port, hang_up, scripted_server

pytestmark = pytest.mark.django_db(transaction=True)

PATH = "/hooks/very-secret-path"


@pytest.fixture
def told(watch, account, target):
    """Makes a webhook at an address, with an alert to be told; sends what is due."""

    def send(url: str, alerts: int = 1) -> AlertTarget:
        row = target(url=url + PATH, url_host=url)
        for _ in range(alerts):
            factories.PairingRequestFactory(account=account)
        watch.look()
        send_due(row.pk)
        row.refresh_from_db()
        return row

    return send


def hang(connection, _request):
    """Take the request and say nothing, until the other side gives up."""
    while connection.recv(1024):
        pass


def test_it_gets_json_with_a_signature_that_can_be_checked(told, settings):
    settings.PUBLIC_URL = "https://durar.example.com"
    with scripted_server(answer(200)) as server:
        row = told(server.url)
    [request] = server.requests
    notice = AlertNotice.objects.get()
    assert (request.method, request.target) == ("POST", PATH)
    assert request.json["event"] == request.headers["Durar-Event"] == "alert.raised"
    assert request.json["id"] == request.headers["Durar-Note"] == str(notice.pk)
    assert request.json["kind"] == "pairing_waiting"
    assert request.json["link"].startswith("https://durar.example.com/mattermost_bridge/pairingrequest/")
    moment, _, digest = request.headers["Durar-Signature"].partition(",v1=")
    signed = moment.removeprefix("t=").encode() + b"." + request.body
    assert digest == hmac.new(row.signing_secret.encode(), signed, hashlib.sha256).hexdigest()
    assert (notice.state, notice.attempts, notice.error) == ("sent", 1, "")
    assert (row.state, row.last_error) == ("works", "")


@pytest.mark.parametrize("status", [500, 502, 503, 429, 408])
def test_trouble_on_the_other_side_is_tried_again_later(told, status):
    with scripted_server(answer(status)) as server:
        row = told(server.url, alerts=3)
        send_due(row.pk)
    assert len(server.requests) == 1
    first, *others = AlertNotice.objects.order_by("pk")
    assert (first.state, first.attempts) == ("queued", 1)
    assert first.next_attempt_at > timezone.now()
    assert str(status) in first.error
    assert {other.attempts for other in others} == {0}
    assert row.state == "fails"


def test_it_is_left_alone_as_long_as_it_asks(told):
    with scripted_server(answer(503, headers={"Retry-After": "120"})) as server:
        told(server.url)
    left = AlertNotice.objects.get().next_attempt_at - timezone.now()
    assert timedelta(seconds=100) < left <= timedelta(seconds=120)


def test_a_later_try_tells_it_with_the_same_id_and_then_the_rest(told, watch, hinted):
    with scripted_server(answer(500), answer(200)) as server:
        row = told(server.url, alerts=2)
        AlertNotice.objects.update(next_attempt_at=None)
        hinted.lose()
        watch.after(10)
        hinted.run()
        ids = [request.json["id"] for request in server.requests]
    assert (len(ids), ids[0]) == (3, ids[1])
    assert set(AlertNotice.objects.values_list("state", flat=True)) == {"sent"}
    row.refresh_from_db()
    assert (row.state, row.last_error) == ("works", "")


@pytest.mark.parametrize(
    ("status", "words"),
    [(302, "a redirect"), (404, "Check the address"), (403, "does not take alerts"), (400, "does not take alerts")],
)
def test_an_answer_that_will_not_change_ends_it_and_the_next_note_goes(told, status, words):
    elsewhere = {"Location": "http://127.0.0.1:1/other"} if status == 302 else None
    with scripted_server(answer(status, headers=elsewhere), answer(200)) as server:
        told(server.url, alerts=2)
    first, second = AlertNotice.objects.order_by("pk")
    assert (first.state, first.attempts) == ("dead", 1)
    assert words in first.error
    assert second.state == "sent"
    assert len(server.requests) == 2


def test_nobody_at_the_address_is_tried_again(told):
    told(f"http://127.0.0.1:{closed_port()}")
    notice = AlertNotice.objects.get()
    assert notice.state == "queued"
    assert "the connection was refused" in notice.error


def test_a_connection_that_is_closed_without_an_answer_is_tried_again(told):
    with scripted_server(hang_up) as server:
        told(server.url)
    assert "closed the connection without an answer" in AlertNotice.objects.get().error


def test_a_server_that_says_nothing_is_left_after_the_total_time(told, monkeypatch):
    monkeypatch.setattr(alert_transports, "TOTAL_SECONDS", 0.3)
    with scripted_server(hang) as server:
        told(server.url)
    notice = AlertNotice.objects.get()
    assert notice.state == "queued"
    assert "no complete answer in time" in notice.error


def test_a_server_that_drips_its_answer_is_left_after_the_total_time(told, monkeypatch):
    monkeypatch.setattr(alert_transports, "TOTAL_SECONDS", 0.5)

    def drip(connection, _request):
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        connection.settimeout(0.05)
        while True:
            try:
                if not connection.recv(16):
                    return
            except TimeoutError:
                connection.sendall(b"X: y\r\n")

    with scripted_server(drip) as server:
        told(server.url)
    assert "no complete answer in time" in AlertNotice.objects.get().error


def test_a_host_without_a_name_says_so_and_keeps_the_address_to_itself(told):
    row = told("http://durar-test.invalid")
    notice = AlertNotice.objects.get()
    assert "durar-test.invalid" in notice.error
    assert "very-secret-path" not in notice.error + row.last_error


def test_a_note_that_was_tried_for_half_a_day_is_given_up(told, watch):
    with scripted_server(answer(500)) as server:
        row = told(server.url, alerts=2)
        AlertNotice.objects.update(next_attempt_at=None)
        first = AlertNotice.objects.order_by("pk").first()
        AlertNotice.objects.filter(pk=first.pk).update(queued_at=timezone.now() - timedelta(hours=12, seconds=1))
        send_due(row.pk)
    states = list(AlertNotice.objects.order_by("pk").values_list("state", "attempts"))
    assert states == [("dead", 2), ("queued", 1)]


def test_a_worker_that_died_gives_the_target_free_after_its_claim(told):
    with scripted_server(answer(200)) as server:
        row = told(server.url, alerts=0)
        AlertTarget.objects.update(claimed_by="dead", claim_until=timezone.now() + timedelta(seconds=50))
        assert send_due(row.pk) == 0
        AlertTarget.objects.update(claim_until=timezone.now() - timedelta(seconds=1))
        send_due(row.pk)
    assert AlertTarget.objects.get().claim_until is None
