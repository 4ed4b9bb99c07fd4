"""Fields that find people and channels by name: what they are told, what is saved, and who may ask."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.db import connection

from mattermost_bridge.mattermost import calls
from mattermost_bridge.mattermost.rest import close_clients
from mattermost_bridge.models import (
    AccessEntry,
    AccessGroupMember,
    Account,
    AccountGrant,
    Binding,
    BlockedUser,
    Delivery,
    GroupOverride,
    KnownPerson,
    StaffProfile,
)
from mattermost_bridge.services import directory_refresh
from tests import factories
from tests.admin.conftest import messages_of, signed_in
from tests.bridge import collected_hints, make_account

ENTRIES = "/mattermost_bridge/accessentry/"
BLOCKS = "/mattermost_bridge/blockeduser/"
MEMBERS = "/mattermost_bridge/accessgroupmember/"
CHANNELS = "/mattermost_bridge/groupoverride/"
BINDINGS = "/mattermost_bridge/binding/"


@pytest.fixture(autouse=True)
def _no_call_inside_a_transaction(monkeypatch):
    """Every call to a server is made outside of the transaction that saves (a test's own one aside)."""
    monkeypatch.setattr(calls, "before_request", [_check])
    yield
    close_clients()


def _check():
    assert len(connection.savepoint_ids) == 0, "a server is asked inside a transaction"


@pytest.fixture
def account(db, sandbox):
    return make_account(
        "ops", base_url=sandbox.base_url, bot_token=sandbox.token("durar"), bot_user_id=sandbox.user_id("durar")
    )


def find(client, address, query, account="", kind="people"):
    response = client.get(f"{address}find-{kind}/", {"q": query, "account": account})
    assert response.status_code == 200
    return response.json()


def labels(answer):
    return [hit["label"] for hit in answer["found"]]


TO = "/mattermost_bridge/directchannel/send/"


class TestWhomAMessageIsFor:
    """The field *To* of *Send a message*."""

    @pytest.fixture(autouse=True)
    def _hints(self):
        with collected_hints():
            yield

    def found(self, client, account, query):
        response = client.get(f"{TO}find/", {"q": query, "account": account.pk if account else ""})
        assert response.status_code == 200
        return [(hit["id"], hit["label"]) for hit in response.json()["found"]]

    def test_people_and_channels_of_the_accounts_server_are_found(self, as_alice, account, sandbox):
        carol = (f"user:{sandbox.user_id('carol')}", "@carol")
        incidents = (f"channel:{sandbox.channel_id('incidents')}", "~Incidents")
        assert self.found(as_alice, account, "@car") == [carol]
        assert self.found(as_alice, account, "coo") == [carol]
        assert self.found(as_alice, account, "#inci") == self.found(as_alice, account, "~inci") == [incidents]
        assert self.found(as_alice, account, "inci") == [incidents]
        assert self.found(as_alice, account, "") == self.found(as_alice, None, "car") == []

    @pytest.mark.parametrize("typed", [f"channel:{'c' * 26}", f"user:{'u' * 26}", "u" * 26, "sandbox/incidents"])
    def test_a_target_that_is_whole_is_offered_as_it_is_written(self, as_alice, account, typed):
        assert self.found(as_alice, account, typed) == [(typed, typed)]

    @pytest.mark.parametrize(
        ("typed", "picked", "goes_to"),
        [
            ("@carol", "user:{carol}", "{carol}"),
            ("@carol", "", "{carol}"),
            ("mattermost:{carol}", "", "{carol}"),
            ("{carol}", "", "{carol}"),
            ("~Incidents", "channel:{incidents}", "{incidents}"),
            ("#incidents", "", "{incidents}"),
            ("incidents", "", "{incidents}"),
            ("sandbox/incidents", "", "{incidents}"),
            ("channel:{incidents}", "", "{incidents}"),
            # Written over a pick, where no script forgot that.
            ("#incidents", "user:{carol}", "{incidents}"),
        ],
    )
    def test_what_was_picked_or_written_is_whom_it_goes_to(self, as_alice, account, sandbox, typed, picked, goes_to):
        ids = {"carol": sandbox.user_id("carol"), "incidents": sandbox.channel_id("incidents")}
        factories.KnownPersonFactory(account=account, user_id=ids["carol"], username="carol")
        data = as_alice.get(TO).context["form"].initial | {"account": str(account.pk), "text": "hello"}
        as_alice.post(TO, {**data, "to": typed.format(**ids), "to_id": picked.format(**ids)})
        row = Delivery.objects.get()
        assert (row.direct_channel.user_id if row.direct_channel else row.channel_id) == goes_to.format(**ids)

    def test_a_link_with_an_id_shows_the_name(self, as_alice, account):
        person = factories.KnownPersonFactory(account=account, username="dora")
        page = as_alice.get(TO, {"account": account.pk, "to": person.user_id}).content.decode()
        assert 'value="@dora"' in page
        assert f'name="to_id" value="{person.user_id}"' in page
        assert "durar/searching" in page

    def test_who_may_not_send_finds_nobody(self, as_charlie, account):
        assert as_charlie.get(f"{TO}find/", {"q": "car", "account": account.pk}).status_code in (302, 403)


class TestFinding:
    @pytest.mark.parametrize("address", [ENTRIES, BLOCKS, MEMBERS])
    def test_people_of_the_account_s_server_are_found_while_one_types(self, as_alice, account, sandbox, address):
        answer = find(as_alice, address, "coo", account.pk)
        assert answer["found"] == [{"id": sandbox.user_id("carol"), "label": "@carol", "detail": "Carol Cooper"}]
        assert (answer["problem"], answer["busy"]) == ("", False)
        assert labels(find(as_alice, address, "helper")) == ["@helper"]

    def test_channels_are_found_by_name_and_by_kind(self, as_alice, account, sandbox):
        sandbox.create_channel("alice", "insiders", private=True)
        sandbox.add_member("alice", "insiders", "durar")
        answer = find(as_alice, CHANNELS, "in", account.pk, "channels")
        assert [(hit["label"], hit["detail"]) for hit in answer["found"]] == [
            ("~insiders", "private channel"),
            ("~Incidents", "incidents · public channel"),
        ]

    def test_lists_offer_everybody_and_access_groups_too(self, as_alice, account):
        factories.AccessGroupMemberFactory(group__name="Night shift")
        assert labels(find(as_alice, ENTRIES, "")) == ["Night shift", "Everybody (*)"]
        (hit,) = find(as_alice, ENTRIES, "SHIFT", account.pk)["found"]
        assert hit == {"id": "accessGroup:Night shift", "label": "Night shift", "detail": "access group of 1"}
        assert labels(find(as_alice, CHANNELS, "", kind="channels")) == ["Every other channel (*)"]
        assert labels(find(as_alice, BLOCKS, "")) == []

    def test_a_server_that_refuses_is_said_beside_what_is_known(self, as_alice, account, sandbox):
        find(as_alice, BLOCKS, "carol", account.pk)
        sandbox.revoke("durar")
        answer = find(as_alice, BLOCKS, "caro", account.pk)
        sandbox.restore("durar")
        assert labels(answer) == ["@carol"]
        assert "refuses the bot token" in answer["problem"]

    def test_a_second_search_of_the_same_person_waits_for_the_first(self, as_alice, alice, account):
        cache.add(f"durar-searching-{alice.pk}", 1, 5)
        assert find(as_alice, BLOCKS, "carol", account.pk)["busy"]


class TestFetchingNames:
    def test_all_names_are_fetched_at_the_press_of_a_button(self, as_alice, account, sandbox):
        address = f"/mattermost_bridge/account/{account.pk}/"
        assert "Fetch names" in as_alice.get(f"{address}change/").content.decode()
        response = as_alice.post(f"{address}do/names/", follow=True)
        assert "names of people and channels were fetched for 1 account" in messages_of(response)[0]
        assert KnownPerson.objects.filter(username="carol").exists()

    def test_what_keeps_them_from_being_fetched_is_said(self, as_alice, account, sandbox, monkeypatch):
        address = f"/mattermost_bridge/account/{account.pk}/do/names/"
        sandbox.revoke("durar")
        assert "could not be fetched" in messages_of(as_alice.post(address, follow=True))[0]
        sandbox.restore("durar")
        monkeypatch.setattr(directory_refresh, "LAST_PAGE_AFTER", -1)
        assert "no time to fetch all names" in messages_of(as_alice.post(address, follow=True))[0]


class TestSaving:
    def test_who_was_picked_is_stored_by_id_and_shown_by_name(self, as_alice, account, sandbox):
        find(as_alice, ENTRIES, "carol", account.pk)
        carol = sandbox.user_id("carol")
        form = {"account": account.pk, "list": "dm", "value": "@carol", "value_id": carol, "note": ""}
        response = as_alice.post(f"{ENTRIES}add/", form, follow=True)
        assert ">@carol</a>" in messages_of(response)[0]
        entry = AccessEntry.objects.get()
        assert (entry.value, entry.username) == (carol, "carol")

    @pytest.mark.parametrize("typed", ["carol", "@Carol", "user:carol"])
    def test_a_name_that_was_only_typed_is_looked_up_before_it_is_saved(self, as_alice, account, sandbox, typed):
        as_alice.post(f"{BLOCKS}add/", {"account": account.pk, "user_id": typed, "reason": ""})
        blocked = BlockedUser.objects.get()
        assert (blocked.user_id, blocked.username) == (sandbox.user_id("carol"), "carol")

    def test_a_name_that_nobody_has_is_refused_in_the_form_and_stays_there(self, as_alice, account):
        response = as_alice.post(f"{BLOCKS}add/", {"account": account.pk, "user_id": "@nosuch", "reason": "Spam"})
        page = response.content.decode()
        assert "Nobody is called @nosuch" in page
        assert 'value="@nosuch"' in page
        assert not BlockedUser.objects.exists()

    def test_a_form_with_another_error_still_shows_the_name_and_keeps_the_id(self, as_alice, account, sandbox):
        carol = sandbox.user_id("carol")
        find(as_alice, ENTRIES, "carol", account.pk)
        form = {"account": account.pk, "list": "dm", "value": "@carol", "value_id": carol, "expires_at_0": "never"}
        page = as_alice.post(f"{ENTRIES}add/", form).content.decode()
        assert 'value="@carol"' in page
        assert f'name="value_id" value="{carol}"' in page

    def test_an_id_needs_no_server(self, as_alice, account, sandbox):
        sandbox.revoke("durar")
        as_alice.post(f"{BLOCKS}add/", {"account": account.pk, "user_id": "x" * 26, "reason": ""})
        sandbox.restore("durar")
        assert BlockedUser.objects.get().user_id == "x" * 26

    def test_a_member_of_a_group_is_found_on_the_chosen_server(self, as_alice, account, sandbox):
        group = factories.AccessGroupFactory()
        as_alice.post(f"{MEMBERS}add/", {"group": group.pk, "server": account.pk, "user_id": "dave", "note": "on call"})
        member = AccessGroupMember.objects.get()
        assert (member.user_id, member.username, member.note) == (sandbox.user_id("dave"), "dave", "on call")
        assert member.added_by.username == "alice"

    @pytest.mark.parametrize("typed", ["~support", "Support", "support"])
    def test_a_channel_that_was_only_typed_is_looked_up_too(self, as_alice, account, sandbox, typed):
        form = {"account": account.pk, "channel_id": typed, "require_mention": "no", "note": ""}
        as_alice.post(f"{CHANNELS}add/", form)
        override = GroupOverride.objects.get()
        assert (override.channel_id, override.channel_name) == (sandbox.channel_id("support"), "Support")

    def test_a_channel_s_id_brings_its_name(self, as_alice, account, sandbox):
        channel = sandbox.channel_id("incidents")
        as_alice.post(f"{CHANNELS}add/", {"account": account.pk, "channel_id": channel, "require_mention": "no"})
        assert GroupOverride.objects.get().channel_name == "Incidents"

    def test_a_channel_that_nobody_knows_by_that_name_is_refused(self, as_alice, account):
        form = {"account": account.pk, "channel_id": "supp", "require_mention": "no"}
        page = as_alice.post(f"{CHANNELS}add/", form).content.decode()
        assert "No channel is called supp" in page
        assert not GroupOverride.objects.exists()


class TestBindings:
    """Their field is for a person or for a channel, as another field says, and they name accounts by their ids."""

    def find(self, client, query, kind, account):
        response = client.get(f"{BINDINGS}find-peers/", {"q": query, "kind": kind, "account": account})
        assert response.status_code == 200
        return labels(response.json())

    @pytest.mark.parametrize("owner", ["ops", "*", ""])
    def test_what_is_found_depends_on_the_kind(self, as_alice, account, sandbox, owner):
        assert self.find(as_alice, "carol", "direct", owner) == ["@carol"]
        assert "~Incidents" in self.find(as_alice, "in", "channel", owner)
        assert self.find(as_alice, "carol", "", owner) == []
        assert self.find(as_alice, "", "direct", owner) == ["All direct messages (*)"]
        assert self.find(as_alice, "", "group", owner) == ["All channels and groups (*)"]

    def test_a_binding_without_account_asks_the_server_of_default(self, as_alice, account, sandbox):
        Account.objects.update(account_id="default")
        assert self.find(as_alice, "carol", "direct", "") == ["@carol"]
        query = {"q": "carol", "kind": "direct", "account": "gone"}
        assert as_alice.get(f"{BINDINGS}find-peers/", query).status_code == 404

    @pytest.mark.parametrize(
        ("kind", "typed", "stored", "shown"),
        [("direct", "@carol", "carol", "@carol"), ("channel", "~support", "support", "~Support")],
    )
    def test_a_name_is_stored_by_its_id_and_shown_as_a_name(
        self, as_alice, account, sandbox, kind, typed, stored, shown
    ):
        form = {"account_id": "ops", "peer_kind": kind, "peer_id": typed, "team_id": "", "note": "", "agent": ""}
        as_alice.post(f"{BINDINGS}add/", form)
        binding = Binding.objects.get()
        wanted = sandbox.user_id(stored) if kind == "direct" else sandbox.channel_id(stored)
        assert binding.peer_id == wanted
        page = as_alice.get(f"{BINDINGS}{binding.pk}/change/").content.decode()
        assert f'value="{shown}"' in page
        assert f'name="peer_id_id" value="{wanted}"' in page

    def test_it_is_looked_up_when_a_binding_is_changed_too(self, as_alice, account, sandbox):
        binding = Binding.objects.create(account_id="ops", peer_kind="direct", peer_id="x" * 26)
        form = {"account_id": "ops", "peer_kind": "direct", "peer_id": "dave", "team_id": "", "note": "", "agent": ""}
        as_alice.post(f"{BINDINGS}{binding.pk}/change/", form)
        binding.refresh_from_db()
        assert binding.peer_id == sandbox.user_id("dave")

    def test_a_name_that_nobody_has_is_refused_in_the_form(self, as_alice, account):
        form = {
            "account_id": "ops",
            "peer_kind": "direct",
            "peer_id": "@nosuch",
            "team_id": "",
            "note": "",
            "agent": "",
        }
        assert "Nobody is called @nosuch" in as_alice.post(f"{BINDINGS}add/", form).content.decode()
        assert not Binding.objects.exists()

    def test_charlie_is_told_nothing(self, as_charlie, account, sandbox):
        query = {"q": "carol", "kind": "direct", "account": "ops"}
        assert as_charlie.get(f"{BINDINGS}find-peers/", query).status_code == 403
        assert sandbox.requests(path="users") == []


class TestRights:
    @pytest.fixture
    def limited(self, as_somebody_who, account):
        """Somebody who works on one account only, and not on this one."""
        other = make_account("other", base_url=account.base_url, bot_user_id="o" * 26)
        client = as_somebody_who("add_accessentry", "view_accessentry")
        from django.contrib.auth.models import User

        user = User.objects.get(username__startswith="user-")
        StaffProfile.objects.update_or_create(user=user, defaults={"limited": True})
        AccountGrant.objects.create(user=user, account=other)
        return client

    @pytest.mark.parametrize("address", [ENTRIES, BLOCKS, MEMBERS])
    def test_charlie_is_told_nothing(self, as_charlie, account, sandbox, address):
        assert as_charlie.get(f"{address}find-people/", {"q": "carol"}).status_code == 403
        assert as_charlie.post(f"{address}add/", {"user_id": "carol", "value": "carol"}).status_code == 403
        assert sandbox.requests(path="users") == []

    def test_who_may_only_look_does_not_ask_servers(self, as_somebody_who, account, sandbox):
        viewer = as_somebody_who("view_accessentry", "view_blockeduser", "view_groupoverride")
        for address, kind in ((ENTRIES, "people"), (BLOCKS, "people"), (CHANNELS, "channels")):
            assert viewer.get(f"{address}find-{kind}/", {"q": "carol"}).status_code == 403
        assert sandbox.requests(path="search") == []

    def test_who_is_limited_to_accounts_asks_their_servers_only(self, limited, account, sandbox):
        assert limited.get(f"{ENTRIES}find-people/", {"q": "carol", "account": account.pk}).status_code == 404
        assert limited.get(f"{ENTRIES}find-people/", {"q": "carol"}).status_code == 403
        limited.post(f"{ENTRIES}add/", {"account": account.pk, "list": "dm", "value": "carol"})
        limited.post(f"{ENTRIES}add/", {"account": "", "list": "dm", "value": "carol"})
        assert sandbox.requests(path="users") == []
        other = Account.objects.get(account_id="other")
        assert limited.get(f"{ENTRIES}find-people/", {"q": "", "account": other.pk}).status_code == 200

    def test_an_address_that_asks_is_only_looked_at(self, as_alice, account):
        assert as_alice.post(f"{ENTRIES}find-people/", {"q": "carol"}).status_code == 405

    def test_who_is_signed_out_is_sent_to_sign_in(self, alice, account):
        client = signed_in(alice)
        client.logout()
        assert client.get(f"{ENTRIES}find-people/", {"q": "carol"}).status_code == 302
