"""The server's time comes from its answers and our monotonic clock, never from our wall clock."""

import pytest

from mattermost_bridge.mattermost import calls
from mattermost_bridge.mattermost.errors import MattermostError
from tests.mattermost.samples import ME_JSON
from tests.mattermost.servers import answer

DATE = "Sun, 22 Nov 2026 16:00:00 GMT"
DATE_MS = 1795363200000


def test_there_is_no_time_before_the_first_answer(serve):
    client, _ = serve(answer(200, ME_JSON))
    assert client.server_now_ms() is None


def test_the_date_goes_on_by_the_monotonic_clock(serve, monkeypatch):
    client, _ = serve(answer(200, ME_JSON, {"Date": DATE}))
    client.me()
    date_ms, heard_at = client._server_clock
    assert date_ms == DATE_MS
    monkeypatch.setattr(calls.time, "monotonic", lambda: heard_at + 12.5)
    assert client.server_now_ms() == DATE_MS + 12_500


def test_an_error_answer_tells_the_time_too(serve):
    client, _ = serve(answer(429, b"limit exceeded\n", {"Date": DATE}))
    with pytest.raises(MattermostError):
        client.me()
    assert client.server_now_ms() >= DATE_MS


@pytest.mark.parametrize("date", ["", "yesterday", "0", "Sun, 99 Nov 2026 16:00:00 GMT"])
def test_an_unreadable_date_is_no_time(serve, date):
    client, _ = serve(answer(200, ME_JSON, {"Date": date}))
    client.me()
    assert client.server_now_ms() is None


def test_the_last_answer_counts(serve):
    client, _ = serve(answer(200, ME_JSON, {"Date": DATE}), answer(200, ME_JSON, {"Date": DATE.replace("16:", "17:")}))
    client.me()
    client.me()
    assert client.server_now_ms() >= DATE_MS + 3_600_000
