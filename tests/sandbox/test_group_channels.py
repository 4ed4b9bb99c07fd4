"""Group messages: channels of type G between three and eight people."""

import pytest

from mattermost_bridge.sandbox.ids import new_id
from tests.sandbox.ears import Ear


def open_group(sandbox, *people, who="alice"):
    return sandbox.raw(who, "POST", "/channels/group", [sandbox.user_id(person) for person in people])


def test_a_group_is_made_once_for_its_members_and_always_201(sandbox):
    first, again = open_group(sandbox, "bob", "durar"), open_group(sandbox, "durar", "alice", "bob", who="bob")
    assert (first.status_code, again.status_code) == (201, 201)
    channel = first.json()
    assert channel["id"] == again.json()["id"]
    assert (channel["type"], channel["team_id"], channel["display_name"]) == ("G", "", "alice, bob, durar")
    assert channel["id"] in {
        one["id"] for one in sandbox.api("durar", "GET", f"/users/me/teams/{sandbox.team_id}/channels")
    }


@pytest.mark.parametrize("count", [2, 9])
def test_a_group_has_three_to_eight_members(sandbox, count):
    sandbox.add_people(*(f"p{number}" for number in range(9)))
    answer = open_group(sandbox, *(f"p{number}" for number in range(count - 1)))
    assert (answer.status_code, answer.json()["id"]) == (400, "api.channel.create_group.bad_size.app_error")


def test_malformed_and_unknown_members_are_refused(sandbox):
    for body in ([], ["x"], [sandbox.user_id("bob"), new_id()]):
        assert sandbox.raw("alice", "POST", "/channels/group", body).status_code == 400


def test_nobody_is_added_to_a_group_later(sandbox):
    group = open_group(sandbox, "bob", "durar").json()["id"]
    answer = sandbox.raw("alice", "POST", f"/channels/{group}/members", {"user_id": sandbox.user_id("carol")})
    assert answer.status_code == 400


def test_a_post_in_a_group_names_its_members_and_mentions_nobody_by_itself(sandbox):
    with Ear(sandbox, "durar") as ear:
        group = open_group(sandbox, "bob", "durar").json()["id"]
        assert ear.event("group_added")["broadcast"]["channel_id"] == group
        sandbox.post("alice", group, "hello")
        heard = ear.event("posted")
    assert heard["data"]["channel_type"] == "G"
    assert heard["data"]["channel_display_name"] == "alice, bob, durar"
    assert "mentions" not in heard["data"]
