"""A note in its three forms."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from mattermost_bridge.models import states
from mattermost_bridge.rules import alert_notes
from mattermost_bridge.rules.alert_notes import RECOVERED, Note, headline, mattermost_text, plain_text, webhook_body

RAISED_AT = datetime(2026, 5, 4, 14, 0, 5, 123456, tzinfo=UTC)
NOTE = Note(
    key="41",
    about="raised",
    kind="account_down",
    title="Account down",
    account_id="support",
    sentence='The account "support" has not been connected for 1 min.',
    remedy="Check the server.",
    link="https://durar.example.com/mattermost_bridge/account/1/change/",
    raised_at=RAISED_AT,
)
OVER = replace(NOTE, key="42", about=RECOVERED, sentence="Connected again.", remedy="", resolved_at=RAISED_AT)


def test_a_webhook_gets_everything_by_name_and_once_as_text():
    body = webhook_body(NOTE)
    assert body["event"] == "alert.raised"
    assert (body["id"], body["kind"], body["account"]) == ("41", "account_down", "support")
    assert (body["raised_at"], body["resolved_at"]) == ("2026-05-04T14:00:05+00:00", None)
    for part in (NOTE.sentence, NOTE.remedy, NOTE.link):
        assert part in body["text"]
    assert webhook_body(OVER)["event"] == "alert.recovered"


def test_a_headline_is_one_line_that_says_what_and_where():
    assert headline([NOTE]) == "Durar: Account down: support"
    assert headline([OVER]) == "Durar: Over: Account down: support"
    assert headline([NOTE, OVER]) == "Durar: 2 alerts, the first: Account down: support"


def test_several_notes_make_one_text():
    text = plain_text([NOTE, OVER])
    assert NOTE.sentence in text
    assert OVER.sentence in text
    assert "From 2026-05-04 14:00 UTC to 2026-05-04 14:00 UTC." in text


def test_a_post_calls_nobody_and_takes_no_markup_from_a_server():
    text = mattermost_text([replace(NOTE, sentence="The server said: @channel **hi** ![x](http://evil.example.com)")])
    assert "@channel" not in text
    assert "**hi**" not in text
    assert "![" not in text
    assert NOTE.link in text


def test_a_test_says_that_it_is_one():
    note = alert_notes.test_note("On call", "https://durar.example.com/")
    assert webhook_body(note)["event"] == "test"
    assert "test of the alert target" in plain_text([note])


def test_what_a_note_is_about_is_what_the_records_say():
    assert states.NoticeAbout.values == [alert_notes.RAISED, alert_notes.RECOVERED]
