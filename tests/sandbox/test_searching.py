"""Finding people and channels by name, in pages or by the beginning of a word."""

import pytest

from mattermost_bridge.sandbox.ids import new_id
from mattermost_bridge.sandbox.world import TEAM_ID


def names(users):
    return [user["username"] for user in users]


def find(sandbox, term, **fields):
    return names(sandbox.api("durar", "POST", "/users/search", {"term": term, **fields}))


@pytest.mark.parametrize(
    ("term", "found"),
    [
        ("car", ["carol"]),
        ("@CAROL", ["carol"]),
        ("coop", ["carol"]),
        ("carol co", ["carol"]),
        ("carol baker", []),
        ("arol", []),
        ("d", ["dave", "durar"]),
    ],
)
def test_people_are_found_by_the_beginning_of_each_word_in_the_order_of_their_names(sandbox, term, found):
    assert find(sandbox, term) == found
    assert find(sandbox, term, team_id=TEAM_ID) == found


def test_a_search_for_people_can_be_cut_and_has_no_pages(sandbox):
    assert find(sandbox, "d", limit=1) == ["dave"]


def test_people_who_were_switched_off_are_found_only_on_request(sandbox):
    sandbox.disable("carol")
    assert find(sandbox, "carol") == []
    assert find(sandbox, "carol", allow_inactive=True) == ["carol"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"term": ""}, 400),
        ({}, 400),
        ({"term": "a", "limit": -1}, 400),
        ({"term": "a", "limit": 1001}, 400),
        ({"term": "a", "team_id": "x" * 26}, 403),
    ],
)
def test_a_search_that_makes_no_sense_is_refused(sandbox, body, status):
    answer = sandbox.raw("durar", "POST", "/users/search", body)
    assert answer.status_code == status
    assert answer.json()["id"].startswith("api.context.")


def test_everybody_is_listed_in_pages(sandbox):
    first = sandbox.api("durar", "GET", f"/users?in_team={TEAM_ID}&page=0&per_page=3")
    rest = sandbox.api("durar", "GET", f"/users?in_team={TEAM_ID}&page=1&per_page=3")
    assert names(first) == ["alice", "bob", "carol"]
    assert names(rest)[0] == "dave"
    assert sandbox.api("durar", "GET", f"/users?in_team={TEAM_ID}&page=9&per_page=200") == []
    assert sandbox.raw("durar", "GET", f"/users?in_team={new_id()}").status_code == 403
    assert set(names(first)) < set(names(sandbox.api("durar", "GET", "/users")))


def channels(sandbox, term):
    found = sandbox.api("durar", "POST", f"/teams/{TEAM_ID}/channels/search", {"term": term})
    return [channel["name"] for channel in found]


def test_public_channels_are_found_also_where_the_bot_is_no_member(sandbox):
    assert channels(sandbox, "inc") == ["incidents"]
    assert channels(sandbox, "square") == ["town-square"]
    assert channels(sandbox, "TOWN SQ") == ["town-square"]
    assert channels(sandbox, "nothing") == []
    assert channels(sandbox, "") == ["incidents", "off-topic", "support", "town-square"]


def test_private_and_archived_channels_are_not_found(sandbox):
    sandbox.create_channel("alice", "secret", private=True)
    gone = sandbox.create_channel("alice", "secondary")["id"]
    assert channels(sandbox, "sec") == ["secondary"]
    sandbox.api("alice", "DELETE", f"/channels/{gone}")
    assert channels(sandbox, "sec") == []


def test_public_channels_are_listed_in_pages(sandbox):
    address = f"/teams/{TEAM_ID}/channels?per_page=3&page="
    assert [one["name"] for one in sandbox.api("durar", "GET", f"{address}0")] == ["incidents", "off-topic", "support"]
    assert [one["name"] for one in sandbox.api("durar", "GET", f"{address}1")] == ["town-square"]


def test_channels_of_a_foreign_team_are_neither_found_nor_listed(sandbox):
    searched = sandbox.raw("durar", "POST", f"/teams/{new_id()}/channels/search", {"term": "x"})
    assert (searched.status_code, searched.json()["id"]) == (404, "app.team.get_member.missing.app_error")
    assert sandbox.raw("durar", "GET", f"/teams/{new_id()}/channels").status_code == 403
