"""What the rules say to operators is marked for translators, and the pages that show it ask for its translation."""

from __future__ import annotations

import ast
from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest
from django.utils import timezone, translation

from mattermost_bridge import rules
from mattermost_bridge.admin.diagnosing import address_for
from mattermost_bridge.models.states import EventOutcome, EventState
from mattermost_bridge.rules import alert_words, doctor_buttons, doctor_commands, doctor_server
from mattermost_bridge.rules.doctor_buttons import ButtonFacts
from mattermost_bridge.rules.doctor_callbacks import IntegrationSettings
from mattermost_bridge.rules.doctor_commands import CommandFacts
from mattermost_bridge.rules.doctor_server import ServerFacts
from mattermost_bridge.rules.lint import Finding
from mattermost_bridge.rules.marking import Filled, Joined, packed, unpacked
from mattermost_bridge.rules.reasons import Reason
from mattermost_bridge.services import diagnosis
from tests import factories
from tests.admin.test_the_trail_leads_to_what_to_change import CODE, names_of_checks


@cache
def marked() -> set[str]:
    """The texts that `makemessages` finds in the rules and services: what stands in a call of `_`."""
    found = set()
    for path in [*Path(rules.__file__).parent.glob("*.py"), *(CODE / "services").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "_":
                assert isinstance(node.args[0], ast.Constant), f"{path.name}:{node.lineno} marks what is no plain text"
                found.add(node.args[0].value)
    return found


def test_every_reason_finding_and_check_is_marked():
    reasons = {text for reason in Reason for text in (reason.label, reason.sentence, reason.remedy)}
    findings = {text for finding in Finding for text in (finding.sentence, finding.remedy)}
    assert (reasons | findings | names_of_checks()) - {""} - marked() == set()


@pytest.fixture
def other_language(monkeypatch):
    """Every text that is asked for comes back between angle quotes."""
    monkeypatch.setattr(translation._trans, "gettext", lambda text: f"«{text}»")


def test_the_page_of_an_event_translates_its_reason_and_its_checks(as_alice, other_language):
    checks = [{"name": "mention required", "value": "yes", "source": "account", "passed": None}]
    event = factories.InboundEventFactory(
        state=EventState.DECIDED, outcome=EventOutcome.IGNORED, reason=Reason.NO_MENTION, trail=checks
    )
    page = as_alice.get(f"/mattermost_bridge/inboundevent/{event.pk}/change/").content.decode()
    for text in (Reason.NO_MENTION.label, Reason.NO_MENTION.sentence, Reason.NO_MENTION.remedy, "mention required"):
        assert f"«{text}»" in page
    assert "«yes»" in page
    event.refresh_from_db()
    assert event.trail == checks


def test_the_overview_translates_what_it_finds_in_the_settings(as_alice, other_language):
    account = factories.AccountFactory(agent=factories.AgentFactory(), group_policy="open")
    page = as_alice.get(f"/mattermost_bridge/account/{account.pk}/overview/").content.decode()
    assert f"«{Finding.GROUP_OPEN.sentence}»" in page
    assert f"«{Finding.GROUP_OPEN.remedy}»" in page


def test_what_doctor_says_is_marked_and_filled_in_after_it_was_translated(as_alice, other_language, monkeypatch):
    found = doctor_commands.of_records(CommandFacts(native=True, url="http://localhost:1/x", server_url="https://chat"))
    found += doctor_server.of_server(ServerFacts(username="durar", address="https://chat", allowed=frozenset()))
    found += doctor_buttons.of_buttons(ButtonFacts(settings=IntegrationSettings(allowed_connections="http://x")))
    monkeypatch.setattr(diagnosis, "of_account", lambda pk: found)
    monkeypatch.setattr(diagnosis, "of_installation", list)
    page = as_alice.post(address_for(factories.AccountFactory()), {"diagnose": "1"}).content.decode()
    assert "«commands.callbackUrl is not set, so the callback resolved to http://localhost:1/x" in page
    assert "«https://chat takes the token: it is @durar.»" in page
    for text in (text for one in found for text in (one.cause, one.remedy)):
        assert of_rules(text) <= marked(), text


def of_rules(text: str) -> set[str]:
    """The templates of a text that `doctor` says."""
    if isinstance(text, Joined):
        return set().union(*map(of_rules, text.parts))
    return {text.template if isinstance(text, Filled) else text} - {""}


def test_no_sentence_of_doctor_or_of_an_alert_is_an_f_string():
    """It could not be translated. What is made of one word and a number is no sentence."""
    for path in Path(rules.__file__).parent.glob("*.py"):
        if not path.name.startswith(("doctor", "alert_words")):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.JoinedStr):
                words = "".join(part.value for part in node.values if isinstance(part, ast.Constant))
                assert " " not in words.strip() or len(words) < 16, f"{path.name}:{node.lineno} {words!r}"


def test_an_alert_is_translated_when_it_is_read_also_after_it_was_stored(as_alice, other_language):
    said = alert_words.lost("Ops", 2, "It has {braces}.")
    ended = alert_words.connected_again("Ops", timedelta(minutes=3))
    words = {"sentence": packed(said.sentence), "remedy": packed(said.remedy)}
    alert = factories.AlertFactory(sentence=said.sentence, remedy=said.remedy, words=words)
    page = as_alice.get(f"/mattermost_bridge/alert/{alert.pk}/change/").content.decode()
    assert "«2 messages of the account Ops could not be delivered.»" in page
    assert f"«{said.remedy}»" in page
    assert "It has {braces}." in page
    alert.words["outcome"], alert.outcome, alert.resolved_at = packed(ended), ended, timezone.now()
    alert.save()
    page = as_alice.get(f"/mattermost_bridge/alert/{alert.pk}/change/").content.decode()
    assert "«The account Ops is connected again, «3 min» after the alert.»" in page
    assert of_rules(said.sentence) - {"It has {braces}."} <= marked()
    assert str(unpacked(packed(said.sentence))) == str(said.sentence)


def test_a_text_that_was_never_packed_is_shown_as_it_is(as_alice):
    alert = factories.AlertFactory(sentence="It is as it is.", words={})
    assert alert.said("sentence") == "It is as it is."
