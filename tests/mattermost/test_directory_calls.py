"""Finding people and channels: what is asked, and what comes back from a real server's answers."""

from __future__ import annotations

import pytest

from mattermost_bridge.mattermost.errors import MattermostError
from mattermost_bridge.mattermost.rest import MattermostClient
from tests.mattermost.samples import ALICE, CHANNEL, TEAM
from tests.mattermost.servers import answer


def test_people_are_searched_on_the_whole_server_or_in_a_team(serve):
    client, server = serve(answer(200, [{"id": ALICE, "username": "alice", "first_name": "Alice"}]))
    assert [(user.id, user.username) for user in client.search_users("ali", limit=20)] == [(ALICE, "alice")]
    client.search_users("ali", team_id=TEAM, limit=99_999)
    assert [request.target for request in server.requests] == ["/api/v4/users/search"] * 2
    assert server.requests[0].json == {"term": "ali", "limit": 20}
    assert server.requests[1].json == {"term": "ali", "limit": 1000, "team_id": TEAM}


def test_many_usernames_are_asked_for_in_small_letters_and_bodies_of_a_hundred(serve):
    client, server = serve(answer(200, [{"id": ALICE, "username": "alice"}]), answer(200, []))
    names = ["ALICE", "alice", *(f"n{number}" for number in range(120))]
    assert [user.id for user in client.users_by_usernames(names)] == [ALICE]
    assert [len(request.json) for request in server.requests] == [100, 21]
    assert server.requests[0].json[0] == "alice"


def test_people_and_channels_come_in_pages(serve):
    client, server = serve(answer(200, []), answer(200, [{"id": CHANNEL, "type": "O"}]))
    assert client.team_members(TEAM, 2) == []
    assert [channel.id for channel in client.public_channels(TEAM, 0)] == [CHANNEL]
    assert server.requests[0].target == f"/api/v4/users?in_team={TEAM}&active=true&page=2&per_page=200"
    assert server.requests[1].target == f"/api/v4/teams/{TEAM}/channels?page=0&per_page=200"


def test_channels_are_searched_in_one_team(serve):
    client, server = serve(answer(200, None))
    assert client.search_channels(TEAM, "sup") == []
    assert server.requests[0].target == f"/api/v4/teams/{TEAM}/channels/search"
    assert server.requests[0].json == {"term": "sup"}


@pytest.fixture
def durar(sandbox):
    client = MattermostClient(sandbox.base_url, sandbox.token("durar"))
    yield client
    client.close()


def test_a_bot_finds_people_and_channels_on_the_sandbox(durar, sandbox):
    assert [user.username for user in durar.search_users("coop")] == ["carol"]
    assert [channel.name for channel in durar.search_channels(sandbox.team_id, "inci")] == ["incidents"]
    assert "carol" in {user.username for user in durar.team_members(sandbox.team_id, 0)}
    assert "town-square" in {channel.name for channel in durar.public_channels(sandbox.team_id, 0)}


def test_an_empty_search_for_people_is_an_error_of_the_server(durar):
    with pytest.raises(MattermostError) as caught:
        durar.search_users("")
    assert caught.value.status == 400
