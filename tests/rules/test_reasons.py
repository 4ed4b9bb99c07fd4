"""Every reason tells an operator what happened and what to do."""

from __future__ import annotations

import ast
import inspect
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from mattermost_bridge.rules.reasons import REASONS, Reason
from mattermost_bridge.rules.types import Outcome
from tests.listeners import test_catch_up
from tests.rules import reasons_of_rules as of_rules
from tests.services.incoming import reasons_of_services as of_services


@pytest.mark.parametrize("reason", list(Reason))
def test_a_reason_has_a_sentence_and_a_short_label(reason):
    assert reason.sentence.endswith(".")
    assert reason.sentence[0].isupper()
    assert 2 <= len(reason.label.split()) <= 4
    assert reason.remedy == "" or reason.remedy.endswith(".")


@pytest.mark.parametrize(
    "reason", [reason for reason in Reason if reason.outcome in (Outcome.REFUSED, Outcome.WAITING)]
)
def test_somebody_who_was_refused_or_waits_can_be_helped(reason):
    assert reason.remedy


@pytest.mark.parametrize("reason", [r for r in Reason if r.outcome is Outcome.ADMITTED])
def test_nothing_needs_doing_about_what_was_admitted(reason):
    assert reason.remedy == ""


def test_a_stored_code_leads_back_to_its_reason():
    assert len(REASONS) == len(Reason)
    for code, reason in REASONS.items():
        assert reason == code
        assert Reason(code) is reason
        assert code == reason.name.lower()


def test_labels_tell_reasons_apart():
    assert len({reason.label for reason in Reason}) == len(Reason)


ROOT = Path(__file__).resolve().parents[2]
#: These decide about no event: the first says under the account's lock what became true meanwhile, and the event is
#: then decided anew; the others look at reasons that were given before, or have words for them.
DECIDE_NOTHING = ("services/pairing.py", "rules/silence.py", "rules/slash_payload.py", "services/diagnosis.py")


def mentioned_reasons(path: Path) -> Iterator[tuple[str, bool]]:
    """Each member of `Reason` that a module names, and whether it gives it: a comparison or a filter only asks."""
    tree = ast.parse(path.read_text())
    above = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Reason":
            place: ast.AST = node
            asks = False
            while place in above and not isinstance(place, ast.stmt):
                child, place = place, above[place]
                is_filter = isinstance(place, ast.Call) and getattr(place.func, "attr", "") in ("filter", "exclude")
                asks |= isinstance(place, ast.Compare) or (is_filter and child is not place.func)
            yield node.attr, not asks


def test_each_reason_is_given_at_exactly_one_place():
    given = defaultdict(list)
    source = ROOT / "mattermost_bridge"
    for ring in ("rules", "services", "listeners", "tasks"):
        for path in sorted((source / ring).rglob("*.py")):
            name = path.relative_to(source).as_posix()
            if name != "rules/reasons.py" and name not in DECIDE_NOTHING:
                for reason, gives in mentioned_reasons(path):
                    if gives:
                        given[reason].append(name)
    assert {reason.name: len(given[reason.name]) for reason in Reason} == dict.fromkeys(Reason.__members__, 1)


@pytest.mark.parametrize("reason", of_rules.CASES)
def test_a_message_ends_with_its_reason(reason):
    decision = of_rules.CASES[reason].decided()
    assert decision.reason is reason
    assert decision.outcome is reason.outcome


def test_each_reason_is_produced_by_a_test():
    """Here by the rules; by `test_reasons_outside_the_rules` through the records; one by a listener's first start."""
    assert inspect.isfunction(test_catch_up.test_the_first_connection_ever_answers_no_history)
    of_listeners = {Reason.BEFORE_LISTENING}
    produced = [*of_rules.CASES, *of_services.CASES, *of_listeners]
    assert sorted(produced) == sorted(Reason)
