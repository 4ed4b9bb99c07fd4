"""Users as a bot finds them."""

from mattermost_bridge.sandbox import world
from mattermost_bridge.sandbox.ids import new_id

OWN_FIELDS = [
    "id", "create_at", "update_at", "delete_at", "username", "auth_data", "auth_service", "email", "nickname",
    "first_name", "last_name", "position", "roles", "notify_props", "locale", "timezone", "is_bot", "bot_description",
    "disable_welcome_email",
]  # fmt: skip


def test_a_bot_reads_itself_with_all_fields_in_order(sandbox):
    me = sandbox.api("durar", "GET", "/users/me")
    assert list(me) == OWN_FIELDS
    assert me["is_bot"] is True
    assert me["first_name"] == "Durar"
    assert me["id"] == world.BOTS[0].user_id
    assert me["notify_props"]["comments"] == "never"


def test_is_bot_is_absent_for_people_and_mails_are_visible(sandbox):
    alice = sandbox.api("durar", "GET", f"/users/{sandbox.user_id('alice')}")
    assert "is_bot" not in alice
    assert "notify_props" not in alice
    assert alice["email"] == "alice@localhost"


def test_an_unknown_id_is_404(sandbox):
    answer = sandbox.raw("durar", "GET", f"/users/{new_id()}")
    assert (answer.status_code, answer.json()["id"]) == (404, "app.user.missing_account.const")


def test_names_must_be_lower_case(sandbox):
    assert sandbox.api("durar", "GET", "/users/username/alice")["id"] == sandbox.user_id("alice")
    upper = sandbox.raw("durar", "GET", "/users/username/ALICE")
    assert (upper.status_code, upper.json()["id"]) == (400, "api.context.invalid_body_param.app_error")
    nobody = sandbox.raw("durar", "GET", "/users/username/nosuch")
    assert (nobody.status_code, nobody.json()["id"]) == (404, "app.user.get_by_username.app_error")


def test_lists_leave_out_who_does_not_exist(sandbox):
    found = sandbox.api("durar", "POST", "/users/usernames", ["alice", "nosuch"])
    assert [user["username"] for user in found] == ["alice"]
    found = sandbox.api("durar", "POST", "/users/ids", [sandbox.user_id("bob"), new_id()])
    assert [user["username"] for user in found] == ["bob"]
    assert sandbox.raw("durar", "POST", "/users/ids", []).status_code == 400


def test_a_bot_cannot_read_its_bot_account_nor_make_tokens(sandbox):
    answer = sandbox.raw("durar", "GET", f"/bots/{sandbox.user_id('durar')}")
    assert (answer.status_code, answer.json()["id"]) == (404, "store.sql_bot.get.missing.app_error")
    assert sandbox.raw("durar", "POST", "/users/me/tokens", {"description": "x"}).status_code == 403


def test_the_bot_is_in_the_team_and_its_channels_include_the_direct_one_with_its_creator(sandbox):
    (team,) = sandbox.api("durar", "GET", "/users/me/teams")
    assert team["name"] == "sandbox"
    channels = sandbox.api("durar", "GET", f"/users/me/teams/{team['id']}/channels")
    assert {channel["name"] for channel in channels if channel["type"] == "O"} == {"support"}
    (direct,) = [channel for channel in channels if channel["type"] == "D"]
    assert direct["team_id"] == ""
    assert direct["display_name"] == ""
    assert direct["name"] == "__".join(sorted((sandbox.user_id("durar"), sandbox.user_id("sysadmin"))))


def test_nobody_lists_the_channels_of_others_or_of_a_foreign_team(sandbox):
    assert sandbox.raw("durar", "GET", f"/users/{sandbox.user_id('alice')}/teams").status_code == 403
    assert sandbox.raw("durar", "GET", f"/users/me/teams/{new_id()}/channels").status_code == 403


def test_ids_and_tokens_of_the_start_world_never_change(sandbox):
    assert [(bot.username, len(bot.token)) for bot in world.BOTS] == [("durar", 26), ("helper", 26)]
    before = sandbox.control("GET", "world")
    sandbox.reset()
    assert sandbox.control("GET", "world") == before
    assert world.BOTS[0].token not in repr(world.BOTS[0])
