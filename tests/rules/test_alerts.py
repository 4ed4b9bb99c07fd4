"""What is alarming, from when on, and when it is over."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mattermost_bridge.models import states
from mattermost_bridge.rules import alerts
from mattermost_bridge.rules.alerts import (
    AccountFacts,
    Facts,
    Kind,
    Limits,
    OpenAlert,
    Over,
    PairingFacts,
    Raise,
    decide,
    notice_delay,
)

NOW = datetime(2026, 5, 4, 14, 0, tzinfo=UTC)
LIMITS = Limits(grace=60)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


READY = AccountFacts(pk=1, account_id="support", name="Support", ready_since=ago(3600))
DOWN = replace(
    READY, phase="backing_off", reason="Connection refused.", hears=False, ready_since=None, down_since=ago(61)
)
REFUSED = replace(DOWN, phase="token_refused", refused="The server answered 401.", down_since=ago(1))
CAROL = PairingFacts(pk=7, account_pk=1, person="carol", state="pending", expires_at=ago(-3000))


def look(account=READY, *open_kinds: Kind, pairings=(), watched: float = 10_000, raised: float = 600, subject=""):
    """What one look decides, as a list."""
    open_alerts = [OpenAlert(10 + n, kind, 1, subject, ago(raised)) for n, kind in enumerate(open_kinds)]
    facts = Facts(watched_since=ago(watched), accounts={1: account} if account else {}, pairings=pairings)
    changes = decide(facts, open_alerts, LIMITS, NOW)
    return [*changes.raised, *changes.over]


def raised(*args, **values) -> list[Kind]:
    return [one.kind for one in look(*args, **values) if isinstance(one, Raise)]


def over(*args, **values) -> list[int]:
    return [one.alert_pk for one in look(*args, **values) if isinstance(one, Over)]


@pytest.mark.parametrize(
    ("account", "expected"),
    [
        (READY, []),
        (DOWN, [Kind.ACCOUNT_DOWN]),
        (replace(DOWN, down_since=ago(59)), []),
        (replace(DOWN, down_since=ago(60)), [Kind.ACCOUNT_DOWN]),
        (replace(DOWN, expected=False), []),
        (replace(DOWN, phase="stopped"), [Kind.ACCOUNT_DOWN]),
        (replace(DOWN, phase="catching_up", hears=True), []),
        (replace(DOWN, down_since=None), []),
        (REFUSED, [Kind.TOKEN_REFUSED]),
        (replace(REFUSED, down_since=ago(5000)), [Kind.TOKEN_REFUSED]),
        (replace(REFUSED, expected=False), []),
        (replace(READY, refused="The outbox was refused."), [Kind.TOKEN_REFUSED]),
        (replace(READY, dead=1, undelivered=1), [Kind.DELIVERIES_DEAD]),
        (replace(READY, dead=0, undelivered=9), []),
        (replace(READY, expected=False, dead=1, undelivered=1), [Kind.DELIVERIES_DEAD]),
        (replace(READY, agentless=3), [Kind.NO_AGENT]),
        (replace(READY, agentless=3, expected=False), []),
        (replace(DOWN, agentless=1, dead=2, undelivered=2), [Kind.ACCOUNT_DOWN, Kind.DELIVERIES_DEAD, Kind.NO_AGENT]),
    ],
)
def test_what_raises_an_alert(account, expected):
    assert raised(account) == expected


@pytest.mark.parametrize("kind", list(Kind))
def test_what_is_open_is_not_raised_again(kind):
    trouble = {
        Kind.ACCOUNT_DOWN: DOWN,
        Kind.TOKEN_REFUSED: REFUSED,
        Kind.PAIRING_WAITING: READY,
        Kind.DELIVERIES_DEAD: replace(READY, dead=2, undelivered=2),
        Kind.NO_AGENT: replace(READY, agentless=1),
    }[kind]
    subject, pairings = ("7", [CAROL]) if kind == Kind.PAIRING_WAITING else ("", [])
    assert look(trouble, pairings=pairings) != []
    assert look(trouble, kind, pairings=pairings, subject=subject) == []


def test_a_refused_token_is_not_told_as_a_lost_connection_too():
    assert raised(replace(DOWN, phase="connecting", down_since=ago(9000)), Kind.TOKEN_REFUSED) == []


def test_who_did_not_look_gives_everybody_the_grace_time_anew():
    long_away = replace(DOWN, phase="connecting", down_since=ago(40_000))
    assert raised(long_away, watched=5) == []
    assert raised(long_away, watched=60) == [Kind.ACCOUNT_DOWN]


@pytest.mark.parametrize("kind", [Kind.ACCOUNT_DOWN, Kind.TOKEN_REFUSED])
@pytest.mark.parametrize(
    ("account", "ends"),
    [
        (READY, True),
        (replace(READY, ready_since=ago(29)), False),
        (replace(READY, ready_since=ago(30)), True),
        (replace(DOWN, phase="catching_up", hears=True), False),
        (DOWN, False),
        (replace(DOWN, expected=False), True),
        (replace(DOWN, expected=False, archived=True), True),
    ],
)
def test_a_connection_alert_is_over_when_the_connection_held_for_a_moment_or_is_not_wanted(kind, account, ends):
    assert over(account, kind) == ([10] if ends else [])


def test_a_token_that_sending_still_finds_refused_is_not_over():
    assert look(replace(READY, refused="parked"), Kind.TOKEN_REFUSED) == []


@pytest.mark.parametrize(
    ("dead", "undelivered", "sentence"),
    [
        (2, 2, None),
        (0, 0, 'No message of the account "Support" (support) is undelivered any more'),
        (0, 3, 'No further message of the account "Support" (support) was lost for 1 h; 3 are still undelivered'),
        (0, 1, "one is still undelivered"),
    ],
)
def test_lost_messages_are_over_when_taken_care_of_or_when_no_more_die(dead, undelivered, sentence):
    found = look(replace(READY, dead=dead, undelivered=undelivered), Kind.DELIVERIES_DEAD)
    assert len(found) == (0 if sentence is None else 1)
    assert all(sentence in one.sentence for one in found)


@pytest.mark.parametrize(
    ("pairing", "sentence"),
    [
        (CAROL, None),
        (replace(CAROL, state="approved", decided_by="alice"), "was approved by alice"),
        (replace(CAROL, state="rejected"), "was rejected."),
        (replace(CAROL, state="expired"), "expired."),
        (replace(CAROL, expires_at=ago(1)), "expired."),
    ],
)
def test_a_pairing_alert_is_over_when_the_request_is_decided(pairing, sentence):
    found = look(READY, Kind.PAIRING_WAITING, pairings=[pairing], subject="7")
    assert len(found) == (0 if sentence is None else 1)
    assert all(sentence in one.sentence for one in found)


def test_each_person_who_asks_to_be_paired_is_an_alert():
    dave = replace(CAROL, pk=8, person="dave")
    found = look(READY, Kind.PAIRING_WAITING, pairings=[CAROL, dave], subject="7")
    assert [(one.kind, one.subject) for one in found] == [(Kind.PAIRING_WAITING, "8")]
    assert found[0].page == "/mattermost_bridge/pairingrequest/8/change/"


def test_a_request_that_is_gone_ends_its_alert():
    [ended] = look(READY, Kind.PAIRING_WAITING, subject="7")
    assert "does not exist any more" in ended.sentence


@pytest.mark.parametrize("pairing", [replace(CAROL, expires_at=ago(1)), replace(CAROL, state="approved")])
def test_a_request_that_does_not_wait_raises_nothing(pairing):
    assert look(READY, pairings=[pairing]) == []


def test_sentences_say_who_since_when_why_and_what_to_do():
    [down] = look(replace(DOWN, down_since=ago(190)))
    assert down.sentence == (
        'The account "Support" (support) has not been connected for 3 min, since 2026-05-04 13:56 UTC. '
        "Connection refused."
    )
    assert down.remedy.startswith("Check that the server answers")
    assert down.page == "/mattermost_bridge/account/1/change/"
    [refused] = look(REFUSED)
    assert refused.sentence.endswith("The server answered 401.")
    assert "new token" in refused.remedy
    [lost] = look(replace(READY, dead=2, undelivered=2, last_error="403: not a member."))
    assert lost.sentence == '2 messages of the account "Support" (support) could not be delivered. 403: not a member.'
    assert lost.page == "/mattermost_bridge/delivery/?question=dead&account=1"
    [pairing] = look(READY, pairings=[CAROL])
    assert pairing.sentence == 'carol asks to be paired with the account "Support" (support).'
    assert "expires at 2026-05-04 14:50 UTC" in pairing.remedy


def test_what_a_server_wrote_stays_on_one_line_and_short():
    [down] = look(replace(DOWN, reason="a\r\nBcc: everybody\x00" + "x" * 5000))
    assert "\n" not in down.sentence
    assert "\x00" not in down.sentence
    assert len(down.sentence) < 600


def test_the_kinds_are_those_of_the_records():
    assert [kind.value for kind in Kind] == states.AlertKind.values


@pytest.mark.parametrize(
    ("kinds", "accounts", "told"),
    [
        (["account_down"], None, True),
        (["account_down"], {1, 2}, True),
        (["account_down"], {2}, False),
        (["account_down"], set(), False),
        (["no_agent"], None, False),
        ([], None, False),
    ],
)
def test_a_target_is_told_of_its_kinds_and_accounts(kinds, accounts, told):
    assert alerts.concerns(Kind.ACCOUNT_DOWN, 1, kinds=kinds, accounts=accounts) is told


@given(st.integers(1, 10_000), st.floats(0, 0.999), st.none() | st.floats(0, 1e9))
def test_a_note_is_never_tried_again_at_once_nor_after_more_than_an_hour(attempt, rnd, asked):
    delay = notice_delay(attempt, rnd, asked)
    assert 4 <= delay <= 3600
    assert delay >= min(asked or 0, 3600)


def test_waits_double_up_to_five_minutes():
    assert [notice_delay(n, 0.5) for n in (1, 2, 3, 7, 8, 50)] == [5, 10, 20, 300, 300, 300]


@given(
    st.sampled_from([READY, DOWN, REFUSED, replace(READY, dead=1, undelivered=1), replace(READY, agentless=1)]),
    st.sets(st.sampled_from(list(Kind))),
)
def test_no_alert_is_raised_and_ended_by_the_same_look(account, open_kinds):
    found = look(account, *sorted(open_kinds))
    by_kind = dict(enumerate(sorted(open_kinds), start=10))
    ended = {by_kind[one.alert_pk] for one in found if isinstance(one, Over)}
    assert not ended & {one.kind for one in found if isinstance(one, Raise)}
