"""Whom or what a target means on a server: asked once, user-first for bare ids, over all teams for names."""

from __future__ import annotations

import pytest

from mattermost_bridge.config import effective
from mattermost_bridge.config.effective import settings_for
from mattermost_bridge.mattermost.types import Channel, Team, User
from mattermost_bridge.models import KnownPerson
from mattermost_bridge.services import clients, targets
from mattermost_bridge.services.errors import NotFound, Refused
from mattermost_bridge.services.expiring import Expiring
from mattermost_bridge.services.targets import Target
from tests.bridge import BOT_ID, make_account
from tests.services.fake_server import refused, unreachable

pytestmark = pytest.mark.django_db
ID, ROOM, OTHER = "64ifufp".ljust(26, "a"), "room".ljust(26, "1"), "room".ljust(26, "2")


class Server:
    """What a server knows, and what it was asked. An entry may be an error."""

    def __init__(self) -> None:
        self.users: dict[str, User | Exception] = {}
        self.channels: dict[str, Channel | Exception] = {}
        self.teams = [Team("t1", "red"), Team("t2", "blue"), Team("t3", "gone", delete_at=1)]
        self.by_name: dict[tuple[str, str], Channel | Exception] = {}
        self.asked: list[str] = []

    def client_for(self, *_, **__):
        return self

    def user(self, user_id):
        return self._answer("user", self.users, user_id)

    def user_by_username(self, name):
        return self._answer("username", self.users, name)

    def channel(self, channel_id):
        return self._answer("channel", self.channels, channel_id)

    def my_teams(self):
        self.asked.append("teams")
        return self.teams

    def channel_by_name(self, team_id, name):
        return self._answer(f"name in {team_id}", self.by_name, (team_id, name))

    def _answer(self, what, known, key):
        self.asked.append(what)
        found = known.get(key) or refused(404)
        if isinstance(found, Exception):
            raise found
        return found


@pytest.fixture
def server(monkeypatch):
    targets.forget()
    fake = Server()
    monkeypatch.setattr(clients, "client_for", fake.client_for)
    yield fake
    targets.forget()


@pytest.fixture
def account():
    return settings_for(make_account().pk)


def test_a_bare_id_is_a_persons_first(server, account):
    server.users[ID] = User(ID, "carol")
    server.channels[ID] = Channel(ID)
    assert targets.resolve(account, ID) == Target(user_id=ID, username="carol")
    assert server.asked == ["user"]


def test_a_bare_id_that_is_nobodys_is_a_channels_and_that_is_remembered(server, account):
    server.channels[ROOM] = Channel(ROOM)
    assert targets.resolve(account, ROOM) == targets.resolve(account, ROOM) == Target(channel_id=ROOM)
    assert server.asked == ["user", "channel"]


@pytest.mark.parametrize("status", [403, 429, 500])
def test_an_answer_that_leaves_it_open_is_taken_for_a_channel_and_not_remembered(server, account, status):
    server.users[ROOM] = refused(status)
    assert targets.resolve(account, ROOM) == Target(channel_id=ROOM)
    server.users[ROOM] = User(ROOM, "carol")
    assert targets.resolve(account, ROOM) == Target(user_id=ROOM, username="carol")


@pytest.mark.parametrize(
    ("error", "sentence"),
    [(unreachable(), "could not be looked up.*Try again"), (refused(401), "refuses the token of the account default")],
)
@pytest.mark.parametrize("words", [ID, "@carol", "#support"])
def test_a_server_that_cannot_be_asked_is_said(server, account, words, error, sentence):
    server.users[ID] = server.users["carol"] = server.by_name["t1", "support"] = error
    with pytest.raises(Refused, match=sentence):
        targets.resolve(account, words)


def test_an_id_of_nothing_is_said_and_a_hidden_channel_is_one(server, account):
    with pytest.raises(NotFound, match="the id of nobody and of no channel"):
        targets.resolve(account, ID)
    server.channels[ID] = refused(403)
    assert targets.resolve(account, ID) == Target(channel_id=ID)


def test_explicit_ids_are_not_asked_for(server, account):
    KnownPerson.objects.create(account_id=account.pk, user_id=ID, username="carol")
    assert targets.resolve(account, f"user:{ID}") == Target(user_id=ID, username="carol")
    assert targets.resolve(account, ID) == Target(user_id=ID, username="carol")
    assert targets.resolve(account, f"channel:{ROOM}") == Target(channel_id=ROOM)
    assert targets.resolve(account, f"{BOT_ID}__{ID}") == Target(user_id=ID, username="carol")
    with pytest.raises(Refused, match="a direct channel of others"):
        targets.resolve(account, f"{ROOM}__{ID}")
    assert server.asked == []


def test_a_channel_is_found_by_name_in_whatever_team_it_is(server, account):
    server.by_name["t2", "support"] = Channel(ROOM, "O", "support", team_id="t2")
    for words in ("#support", "support", "channel:Support", "~support"):
        assert targets.resolve(account, words) == Target(channel_id=ROOM)
    assert server.asked == ["teams", "name in t1", "name in t2"]


def test_a_name_in_several_teams_asks_for_the_team(server, account):
    server.by_name["t1", "support"] = Channel(ROOM, "O", "support", team_id="t1")
    server.by_name["t2", "support"] = Channel(OTHER, "O", "support", team_id="t2")
    with pytest.raises(Refused, match=r"in several teams.*red/support, blue/support"):
        targets.resolve(account, "#support")
    assert targets.resolve(account, "blue/support") == Target(channel_id=OTHER)
    assert targets.resolve(account, "#red/support") == Target(channel_id=ROOM)
    with pytest.raises(NotFound, match="in no team green; it is in blue, red"):
        targets.resolve(account, "green/support")


@pytest.mark.parametrize("status", [403, 500])
def test_only_a_404_moves_on_to_the_next_team(server, account, status):
    server.by_name["t1", "support"] = refused(status)
    server.by_name["t2", "support"] = Channel(ROOM, "O", "support", team_id="t2")
    with pytest.raises(Refused, match=r"#support could not be looked up"):
        targets.resolve(account, "#support")


def test_a_name_that_no_team_has_is_said_with_the_teams(server, account):
    with pytest.raises(NotFound, match=r"#nowhere. not found in any team the bot belongs to\. It is in blue, r"):
        targets.resolve(account, "#nowhere")
    server.teams = []
    with pytest.raises(NotFound, match="It is in no team"):
        targets.resolve(account, "#nowhere")


def test_names_are_asked_for_again_once_a_setting_changed(server, account):
    server.users["carol"] = User(ID, "carol")
    assert targets.resolve(account, "@Carol") == targets.resolve(account, "@carol")
    assert server.asked == ["username"]
    effective.bump_version()
    targets.resolve(settings_for(account.pk), "@carol")
    assert server.asked == ["username"] * 2


def test_what_is_remembered_is_bounded_in_number_and_age():
    now = 0.0
    kept: Expiring[str] = Expiring(most=2, seconds=10, now=lambda: now)
    for word in ("one", "two", "three"):
        kept.put(word, word)
    assert (len(kept), kept.get("one"), kept.get("three")) == (2, None, "three")
    now = 10.0
    assert kept.get("three") is None
    assert len(kept) == 1
