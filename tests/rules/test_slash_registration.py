"""What is to be done so that a team has exactly an account's slash commands."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mattermost_bridge.rules.callback_urls import command_url
from mattermost_bridge.rules.slash_registration import (
    BUILT_INS,
    Existing,
    Kind,
    Offered,
    Step,
    Wanted,
    cut,
    plan,
    trigger_of,
    wanted_commands,
)

URL = "https://durar.example.com/api/channels/mattermost/command"
ME, OTHER = "me", "somebody"
TEA = Wanted("oc_tea", "skill", "tea", "Makes tea", "[args]", URL)


def there(wanted=TEA, command_id="c1", creator=ME, **changes) -> Existing:
    return Existing(command_id, wanted.trigger, creator, {**wanted.fields, **changes})


def test_the_built_in_commands_come_first_and_a_skill_of_the_same_name_does_not_replace_one():
    found = wanted_commands("oc_", [Offered("skill", "status", "mine"), Offered("skill", "tea", "")], URL)
    assert [one.trigger for one in found] == [*(f"oc_{one.name}" for one in BUILT_INS), "oc_tea"]
    assert found[0].description == "Show session status (model, usage, uptime)"
    assert (found[-1].description, found[-1].hint) == ("Run skill tea", "[args]")


@pytest.mark.parametrize(
    ("prefix", "name", "trigger"),
    [
        ("oc_", "tea", "oc_tea"),
        ("oc_", "oc_tea", "oc_tea"),
        ("ops-", "Tea", "ops-tea"),
        ("ops-", "oc_tea", "ops-oc_tea"),
    ],
)
def test_a_prefix_stands_before_a_name_once(prefix, name, trigger):
    assert trigger_of(prefix, name) == trigger


@given(st.text(max_size=200), st.integers(0, 200))
def test_a_description_is_cut_by_bytes_and_never_inside_a_character(text, most):
    kept = cut(text, most)
    assert len(kept.encode()) <= most
    assert text.encode("utf-8", "replace").decode().startswith(kept)
    assert most - len(kept.encode()) < 4 or kept == text.encode("utf-8", "replace").decode()


def test_a_long_description_is_cut_to_128_bytes():
    (*_, found) = wanted_commands("oc_", [Offered("skill", "tea", "چای" * 40)], URL)
    assert len(found.description.encode()) == 128


@pytest.mark.parametrize(
    ("existing", "steps"),
    [
        ([], [Step(Kind.CREATE, "oc_tea", wanted=TEA)]),
        ([there()], [Step(Kind.REUSE, "oc_tea", "c1", TEA)]),
        ([there(url="http://old")], [Step(Kind.UPDATE, "oc_tea", "c1", TEA)]),
        ([there(method="G")], [Step(Kind.UPDATE, "oc_tea", "c1", TEA)]),
        ([there(auto_complete_hint="")], [Step(Kind.UPDATE, "oc_tea", "c1", TEA)]),
        ([there(creator=OTHER)], [Step(Kind.SKIP_FOREIGN, "oc_tea", wanted=TEA)]),
        ([replace(there(creator=OTHER), trigger="OC_Tea")], [Step(Kind.SKIP_FOREIGN, "oc_tea", wanted=TEA)]),
        ([there(creator=OTHER), there(command_id="c2")], [Step(Kind.REUSE, "oc_tea", "c2", TEA)]),
        (
            [there(), there(command_id="c2", url="http://old")],
            [Step(Kind.DELETE, "oc_tea", "c2"), Step(Kind.REUSE, "oc_tea", "c1", TEA)],
        ),
    ],
    ids=["none", "same", "address", "method", "hint", "foreign", "foreign in capitals", "foreign and own", "twice"],
)
def test_one_trigger(existing, steps):
    assert plan([TEA], existing, me_id=ME) == steps


def test_of_two_own_ones_the_one_on_record_stays():
    steps = plan([TEA], [there(), there(command_id="c2")], me_id=ME, known_ids={"c2"})
    assert steps == [Step(Kind.DELETE, "oc_tea", "c1"), Step(Kind.REUSE, "oc_tea", "c2", TEA)]


def test_what_is_on_record_and_not_wanted_goes_and_what_the_bot_made_for_others_stays():
    old, owners = replace(TEA, trigger="x_tea"), replace(TEA, trigger="deploy")
    existing = [there(old), there(owners, "c2"), there(replace(TEA, trigger="x_status"), "c3", OTHER)]
    assert plan([], existing, me_id=ME, known={"x_tea", "x_status"}) == [Step(Kind.DELETE, "x_tea", "c1")]


def test_what_another_bot_of_the_account_made_is_known_by_its_id():
    assert plan([], [there(creator="old bot")], me_id=ME, known_ids={"c1"}) == [Step(Kind.DELETE, "oc_tea", "c1")]


@given(
    st.lists(st.sampled_from(["oc_a", "oc_b", "oc_c", "ops_a"]), unique=True),
    st.lists(
        st.tuples(st.sampled_from(["oc_a", "oc_b", "oc_c", "ops_a"]), st.sampled_from([ME, OTHER]), st.booleans())
    ),
)
def test_done_once_there_is_nothing_left_to_do(triggers, start):
    wanted = [replace(TEA, trigger=trigger) for trigger in triggers]
    known = {"oc_a", "oc_b", "oc_c"}
    existing = {
        f"c{number}": there(replace(TEA, trigger=trigger), f"c{number}", who, url=URL if same else "http://old")
        for number, (trigger, who, same) in enumerate(start)
    }
    foreign = [one for one in existing.values() if one.creator_id == OTHER]
    for step in plan(wanted, existing.values(), me_id=ME, known=known):
        if step.kind is Kind.DELETE:
            del existing[step.command_id]
        elif step.kind in (Kind.CREATE, Kind.UPDATE):
            number = step.command_id or f"new {step.trigger}"
            existing[number] = there(step.wanted, number)
    again = plan(wanted, existing.values(), me_id=ME, known=known)
    assert {step.kind for step in again} <= {Kind.REUSE, Kind.SKIP_FOREIGN}
    assert [one for one in existing.values() if one.creator_id == OTHER] == foreign


@pytest.mark.parametrize(
    ("path", "explicit", "url"),
    [
        ("/x/y", "", "https://base/x/y"),
        ("x", "", "https://base/x"),
        (" ", "", "https://base/api/channels/mattermost/command"),
        ("/x", "https://other/z", "https://other/z"),
    ],
)
def test_the_callback_address(path, explicit, url):
    assert command_url("https://base", path, explicit) == url
