"""Signatures of buttons: the golden vectors, the four accepted forms, and how JavaScript writes a context down."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mattermost_bridge.rules import signatures
from mattermost_bridge.rules.collation import locale_order
from mattermost_bridge.rules.signatures import button_secret, is_signed, sign

SECRET = "fade587f8cf0f566e5b358a0a6ca4a178fab385b08de6a8f38dc96b45263a455"

GOLDEN = [
    (
        {"action": "approve", "action_id": "mybutton01"},
        "ca194394cbfdfe2c92ac761fa9d88af22a4ca22ed309993ddb809a950fecb1da",
    ),
    (
        {"__openclaw_channel_id": "chan-1", "action_id": "yes", "callback_data": "yes"},
        "035302b6e1e8bec6bee2e7f509e96ef21695a99b2a408b53c6aa141ae1124003",
    ),
    (
        {"action_id": "n", "payload": {"a": [3, {"y": 2, "z": 1}], "b": 1}},
        "c94011027710f9d25d0215dcb57838cdcb2965253418f57dbef5c3b545f89644",
    ),
    (
        {"action_id": "é", "note": "naïve ☃"},
        "3eeca13ef284ea1246236199f3fc63c599df93ae869b059c0877b121c0061387",
    ),
    (
        {"action_id": "a", "ownership": 1, "ownerUserId": "u"},
        "6a8e06f1f226b1ff05fa031e599cab00eb7cf23e10519ef1ef0c9dff2527a25c",
    ),
]
#: The same contexts as others sign them: non-ASCII text escaped, keys by code point.
ALSO_ACCEPTED = [
    (GOLDEN[3][0], "c13ee6530e9ec6c5cdd6548c472e878e5dcdba6874968585a37cf7970735404c"),
    (GOLDEN[4][0], "0da5d62f6dd42efa0fe8477638c53a632558b7f85244493cd9f3e2f42a2c4f3e"),
]


def by_hand(text: str) -> str:
    """The signature of a text that somebody else made of a context."""
    return hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()


def test_the_secret_is_made_of_the_bots_token() -> None:
    assert button_secret("mm-token") == SECRET


@pytest.mark.parametrize(("context", "token"), GOLDEN)
def test_a_context_is_signed_as_the_golden_vectors_say(context: dict[str, Any], token: str) -> None:
    assert sign(context, SECRET) == token
    assert is_signed(context, token, SECRET)


@pytest.mark.parametrize(("context", "token"), GOLDEN)
def test_the_order_in_which_fields_come_and_the_token_among_them_change_nothing(
    context: dict[str, Any], token: str
) -> None:
    backwards = dict(reversed(context.items())) | {"_token": token}
    assert sign(backwards, SECRET) == token
    assert is_signed(backwards, token, SECRET)


@pytest.mark.parametrize(("context", "token"), ALSO_ACCEPTED)
def test_scripts_in_python_sign_otherwise_and_are_accepted(context: dict[str, Any], token: str) -> None:
    assert is_signed(context, token, SECRET)


@pytest.mark.parametrize(
    "text",
    [
        '{"action_id":"a","note":"naïve","owner_ship":1,"ownerShip":2}',  # locale order, raw
        '{"action_id":"a","note":"na\\u00efve","owner_ship":1,"ownerShip":2}',  # locale order, escaped
        '{"action_id":"a","note":"naïve","ownerShip":2,"owner_ship":1}',  # by code point, raw
        '{"action_id":"a","note":"na\\u00efve","ownerShip":2,"owner_ship":1}',  # by code point, escaped
    ],
)
def test_each_of_the_four_forms_is_accepted(text: str) -> None:
    context = {"action_id": "a", "note": "naïve", "ownerShip": 2, "owner_ship": 1}
    assert is_signed(context, by_hand(text), SECRET)


@pytest.mark.parametrize(
    ("changed", "token"),
    [
        ({"action": "reject", "action_id": "mybutton01"}, GOLDEN[0][1]),
        ({"action_id": "mybutton01"}, GOLDEN[0][1]),
        ({"action": "approve", "action_id": "mybutton01", "more": None}, GOLDEN[0][1]),
        ({"action": "approve", "action_id": "mybutton01"}, GOLDEN[0][1].upper()),
        ({"action": "approve", "action_id": "mybutton01"}, GOLDEN[0][1][:-1]),
        ({"action": "approve", "action_id": "mybutton01"}, ""),
        ({"action": "approve", "action_id": "mybutton01"}, "é\ud800"),
    ],
)
def test_anything_changed_is_not_signed(changed: dict[str, Any], token: str) -> None:
    assert not is_signed(changed, token, SECRET)


def test_the_signature_of_another_bot_does_not_count() -> None:
    assert not is_signed(GOLDEN[0][0], sign(GOLDEN[0][0], button_secret("another")), SECRET)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        # Names of array entries come first, as numbers; what only looks like one does not.
        ({"b": 1, "10": 2, "9": 3, "a": 4}, '{"9":3,"10":2,"a":4,"b":1}'),
        ({"01": 1, "1": 2, "-1": 3}, '{"1":2,"-1":3,"01":1}'),
        ({"4294967295": 1, "4294967294": 2, "3": 3}, '{"3":3,"4294967294":2,"4294967295":1}'),
        ({"B": 1, "a": 2, "A": 3, "b": 4}, '{"a":2,"A":3,"b":4,"B":1}'),
        ({"a1": 1, "a_b": 2, "ab": 3}, '{"a_b":2,"a1":1,"ab":3}'),
        ({"é": 1, "f": 2, "e": 3}, '{"e":3,"é":1,"f":2}'),
        ([1.0, -0.0, 0.5, 1e21, 1e20], "[1,0,0.5,1e+21,100000000000000000000]"),
        ([1e-7, 1.5e-7, 1e-6], "[1e-7,1.5e-7,0.000001]"),
        ([12345678901234567890, 2**53 + 1, -1.25e22], "[12345678901234567000,9007199254740992,-1.25e+22]"),
        ([True, False, None], "[true,false,null]"),
        ('\x01\x7f\u2028"\\\n\ud800', '"\\u0001\x7f\u2028\\"\\\\\\n\\ud800"'),
    ],
)  # fmt: skip
def test_values_are_written_as_javascript_writes_them(value: Any, written: str) -> None:
    """Each of them was printed by Node 20."""
    assert sign({"k": value}, SECRET) == by_hand(f'{{"k":{written}}}')


@pytest.mark.parametrize("number", [float("nan"), float("inf"), 10**400])
def test_what_json_has_no_number_for_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match="not finite"):
        sign({"action_id": "a", "n": number}, SECRET)


def test_what_json_has_no_form_for_is_refused() -> None:
    with pytest.raises(TypeError, match="no bytes"):
        sign({"action_id": b"a"}, SECRET)
    with pytest.raises(TypeError, match="keys"):
        sign({"action_id": {1: 2}}, SECRET)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=10,
)


@given(st.dictionaries(st.text(max_size=6), _VALUES, max_size=5))
def test_what_was_signed_is_accepted_after_its_way_through_json(context: dict[str, Any]) -> None:
    token = sign(context, SECRET)
    assert is_signed(json.loads(json.dumps(context)), token, SECRET)


@given(st.dictionaries(st.text("aBé_ 19", max_size=6), st.integers() | st.text("é\x7f😀a"), max_size=5))
def test_the_recipe_for_python_is_accepted_with_and_without_escapes(context: dict[str, Any]) -> None:
    context.pop("_token", None)
    for ascii_only in (True, False):
        text = json.dumps(context, sort_keys=True, separators=(",", ":"), ensure_ascii=ascii_only)
        assert is_signed(context, by_hand(text), SECRET)


@given(st.lists(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=4), max_size=6))
def test_the_table_for_ascii_and_the_library_agree(texts: list[str]) -> None:
    # A text that is not ASCII makes the library compare all of them.
    with_library = locale_order([*texts, "ж"])
    assert with_library[-1] == "ж"
    assert locale_order(texts) == with_library[:-1]


def test_no_signature_is_compared_in_a_way_that_ends_early(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []
    monkeypatch.setattr(
        signatures.hmac, "compare_digest", lambda one, other: compared.append((one, other)) or one == other
    )
    assert is_signed(*GOLDEN[0], SECRET)
    assert len(compared) == 4
