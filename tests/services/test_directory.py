"""People and channels are found by name on the account's own server; what goes wrong there is a sentence."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.utils import timezone

from mattermost_bridge.config import effective
from mattermost_bridge.mattermost.rest import close_clients
from mattermost_bridge.models import Account, KnownChannel, KnownPerson
from mattermost_bridge.services import directory, directory_refresh
from mattermost_bridge.services.errors import NotFound, Refused
from tests.bridge import make_account
from tests.mattermost.servers import closed_port

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_is_remembered():
    cache.clear()
    yield
    close_clients()


@pytest.fixture
def account(sandbox):
    return make_account(
        base_url=sandbox.base_url, bot_token=sandbox.token("durar"), bot_user_id=sandbox.user_id("durar")
    )


@pytest.fixture(params=["5.37", "11"])
def server(sandbox, request):
    """The sandbox as an old and as a new server."""
    sandbox.settings(version=request.param)
    return sandbox


def people(account, query, **options):
    found = directory.search_people(account.pk, query, **options)
    assert found.problem == ""
    return [person.username for person in found.people]


def rooms(account, query):
    found = directory.search_channels(account.pk, query)
    assert found.problem == ""
    return [room.name for room in found.rooms]


class TestPeople:
    @pytest.mark.parametrize("query", ["car", "@carol", "Coop", "  carol  co ", "CAROL"])
    def test_they_are_found_by_the_beginning_of_their_names(self, account, server, query):
        assert people(account, query) == ["carol"]

    def test_they_are_found_by_id_and_an_id_that_nobody_has_finds_nobody(self, account, sandbox):
        (carol,) = directory.search_people(account.pk, sandbox.user_id("carol")).people
        assert (carol.username, carol.display_name, carol.is_bot) == ("carol", "Carol Cooper", False)
        assert people(account, "x" * 26) == []

    def test_other_bots_are_found_and_the_account_s_own_is_not(self, account):
        assert people(account, "d") == ["dave"]
        (helper,) = directory.search_people(account.pk, "help").people
        assert helper.is_bot

    def test_the_own_bot_takes_nobody_s_place(self, account, sandbox):
        sandbox.add_people("durax")
        assert people(account, "dura", limit=1) == ["durax"]

    def test_whom_the_search_found_is_known_from_then_on(self, account, sandbox):
        people(account, "carol")
        known = KnownPerson.objects.get(user_id=sandbox.user_id("carol"))
        assert (known.account_id, known.username, known.display_name) == (account.pk, "carol", "Carol Cooper")

    def test_nothing_typed_asks_nobody(self, account, sandbox):
        assert people(account, "  ") == []
        assert sandbox.requests(path="users/search") == []

    def test_the_same_question_is_asked_once(self, account, sandbox):
        assert people(account, "carol") == people(account, "carol")
        assert len(sandbox.requests(path="users/search")) == 1
        effective.bump_version()
        people(account, "carol")
        assert len(sandbox.requests(path="users/search")) == 2


class TestChannels:
    def test_the_bot_s_own_and_public_ones_of_its_team_are_found(self, account, server):
        server.create_channel("alice", "squad", private=True)
        server.add_member("alice", "squad", "durar")
        server.create_channel("alice", "squad-secret", private=True)
        assert rooms(account, "squa") == ["squad", "town-square"]
        assert rooms(account, "~support") == ["support"]

    def test_group_messages_are_found_by_the_people_in_them_and_direct_ones_never(self, account, server):
        server.api("alice", "POST", "/channels/group", [server.user_id("bob"), server.user_id("durar")])
        (room,) = directory.search_channels(account.pk, "bob").rooms
        assert (room.kind, room.shown) == ("G", "alice, bob, durar")
        assert rooms(account, server.user_id("durar")) == []

    def test_a_channel_is_found_by_its_id(self, account, sandbox):
        assert rooms(account, sandbox.channel_id("incidents")) == ["incidents"]
        assert rooms(account, "x" * 26) == []
        private = sandbox.create_channel("alice", "secret", private=True)["id"]
        assert rooms(account, private) == []

    def test_found_channels_are_known_from_then_on_and_their_age_is_new(self, account, sandbox):
        rooms(account, "inci")
        known = KnownChannel.objects.get(channel_id=sandbox.channel_id("incidents"))
        assert (known.type, known.display_name) == ("O", "Incidents")
        KnownChannel.objects.update(fetched_at=timezone.now() - timezone.timedelta(days=3))
        cache.clear()
        rooms(account, "inci")
        known.refresh_from_db()
        assert timezone.now() - known.fetched_at < timezone.timedelta(hours=1)


class TestTrouble:
    @pytest.fixture
    def known(self, account):
        KnownPerson.objects.create(account=account, user_id="k" * 26, username="carla", display_name="Carla Known")
        KnownChannel.objects.create(account=account, channel_id="k" * 26, type="O", name="support-old")

    def both(self, account):
        found = directory.search_people(account.pk, "car"), directory.search_channels(account.pk, "supp")
        assert [person.username for person in found[0].people] == ["carla"]
        assert [room.name for room in found[1].rooms] == ["support-old"]
        return [each.problem for each in found]

    def test_a_refused_token_is_said_and_what_is_known_is_found(self, account, sandbox, known):
        sandbox.revoke("durar")
        for problem in self.both(account):
            assert "refuses the bot token of the account default" in problem
        sandbox.restore("durar")

    @pytest.mark.parametrize("status", [500, 503])
    def test_a_server_in_trouble_is_said(self, account, sandbox, known, status):
        sandbox.fault("answer", path="users", times=9, status=status)
        for problem in self.both(account):
            assert sandbox.base_url.partition("//")[2] in problem

    def test_a_server_that_is_away_is_said(self, account, known):
        Account.objects.update(base_url=f"http://127.0.0.1:{closed_port()}")
        effective.bump_version()
        for problem in self.both(account):
            assert "does not answer right now" in problem

    def test_a_server_that_hangs_is_waited_for_no_longer_than_a_call_may_take(
        self, account, sandbox, known, monkeypatch
    ):
        monkeypatch.setattr(directory, "CALL_SECONDS", 0.3)
        sandbox.fault("hang", path="users", times=9)
        for problem in self.both(account):
            assert "does not answer right now" in problem

    def test_no_further_call_begins_when_the_time_is_over(self, account, sandbox, known, monkeypatch):
        monkeypatch.setattr(directory, "LAST_CALL_AFTER", -1)
        for problem in self.both(account):
            assert "too slowly" in problem
        assert sandbox.requests(path="search") == []

    def test_too_many_calls_are_said(self, account, sandbox, known):
        sandbox.fault("answer", path="users", times=9, status=429)
        for problem in self.both(account):
            assert "fewer calls" in problem

    def test_an_account_without_a_token_says_so(self, known):
        account = Account.objects.get()
        Account.objects.update(bot_token="")
        effective.bump_version()
        for problem in self.both(account):
            assert "bot token" in problem
            assert "missing" in problem


class TestWhoseServer:
    def test_for_the_defaults_the_first_account_that_can_ask_is_asked(self, sandbox):
        make_account("aaa", bot_token="")
        make_account("zzz", base_url=sandbox.base_url, bot_token=sandbox.token("durar"), bot_user_id="z" * 26)
        found = directory.search_people(None, "carol")
        assert ([person.username for person in found.people], found.server) == (
            ["carol"],
            sandbox.base_url.partition("//")[2],
        )

    def test_without_any_account_the_reason_is_said(self):
        assert "No account has a server" in directory.search_people(None, "carol").problem
        assert "No account has a server" in directory.search_channels(None, "support").problem

    def test_an_account_that_is_gone_is_said(self):
        assert "does not exist any more" in directory.search_people(4711, "carol").problem


class TestResolving:
    def test_a_username_means_its_owner(self, account, sandbox):
        assert directory.resolve_username(account.pk, " @Carol ").user_id == sandbox.user_id("carol")
        assert KnownPerson.objects.get().username == "carol"

    @pytest.mark.parametrize("name", ["nosuch", "", "ğ", "with blank"])
    def test_nobody_of_that_name_is_said(self, account, name):
        with pytest.raises(NotFound, match="Nobody is called"):
            directory.resolve_username(account.pk, name)

    def test_many_usernames_are_asked_for_at_once(self, account, sandbox):
        found = directory.resolve_usernames(account.pk, ["@Carol", "dave", "nosuch", "", "ğ"])
        assert {name: person.user_id for name, person in found.items()} == {
            "carol": sandbox.user_id("carol"),
            "dave": sandbox.user_id("dave"),
        }
        assert len(sandbox.requests(path="users/usernames")) == 1
        assert directory.resolve_usernames(account.pk, []) == {}

    def test_a_server_that_does_not_answer_is_said(self, account, sandbox):
        sandbox.revoke("durar")
        with pytest.raises(Refused, match="refuses the bot token"):
            directory.resolve_username(account.pk, "carol")
        with pytest.raises(Refused, match="refuses the bot token"):
            directory.resolve_channel(account.pk, "x" * 26)
        with pytest.raises(Refused, match="refuses the bot token"):
            directory.resolve_usernames(account.pk, ["carol"])
        sandbox.restore("durar")


class TestRefreshing:
    def test_all_people_and_channels_are_fetched_page_by_page(self, account, server, monkeypatch):
        monkeypatch.setattr("mattermost_bridge.mattermost.directory.MAX_PAGE", 2)
        monkeypatch.setattr(directory_refresh, "MAX_PAGE", 2)
        server.api("alice", "POST", "/channels/group", [server.user_id("bob"), server.user_id("durar")])
        done = directory_refresh.refresh(account.pk)
        assert done.complete
        assert done.people == KnownPerson.objects.count() == 7
        assert set(KnownChannel.objects.values_list("type", flat=True)) == {"O", "G"}
        assert done.channels == KnownChannel.objects.count() == 5

    def test_it_ends_and_says_that_it_did_not_get_all(self, account, monkeypatch):
        monkeypatch.setattr(directory_refresh, "LAST_PAGE_AFTER", -1)
        assert not directory_refresh.refresh(account.pk).complete

    def test_trouble_is_a_sentence(self, account, sandbox):
        sandbox.revoke("durar")
        with pytest.raises(Refused, match="could not be fetched"):
            directory_refresh.refresh(account.pk)
        sandbox.restore("durar")
        Account.objects.update(bot_token="")
        effective.bump_version()
        with pytest.raises(Refused, match="missing"):
            directory_refresh.refresh(account.pk)
