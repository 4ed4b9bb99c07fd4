"""An account of the sandbox that may register, what changes about it, and what is right after a run."""

from __future__ import annotations

from mattermost_bridge.config import effective
from mattermost_bridge.models import Account, Skill, SlashCommand, SlashRegistration
from mattermost_bridge.models.states import SlashCommandState, SlashRegistrationState
from tests.bridge import make_account

URL = "https://durar.example.com/api/channels/mattermost/command"


def an_account(sandbox, who="durar", account_id="default", **values):
    return make_account(
        account_id, base_url=sandbox.base_url, bot_token=sandbox.token(who), bot_user_id=sandbox.user_id(who),
        bot_username=who, **{"commands_native": "on", "commands_callback_url": URL} | values,
    )  # fmt: skip


def change(account, **values):
    Account.objects.filter(pk=account.pk).update(**values)
    effective.bump_version()


def triggers(sandbox):
    return sorted(one["trigger"] for one in sandbox.commands())


def registration(account):
    return SlashRegistration.objects.get(account=account)


def rows(account):
    return {row.trigger: row for row in SlashCommand.objects.filter(account=account)}


def is_right(sandbox, account, *wanted, url=URL):
    """The sandbox has these commands of ours, each once, and the records say so, with their tokens."""
    there = {one["trigger"]: one for one in sandbox.commands()}
    assert triggers(sandbox) == sorted(wanted)
    assert {one["url"] for one in there.values()} <= {url}
    found = rows(account)
    assert set(found) == set(wanted)
    for trigger, row in found.items():
        assert (row.command_id, row.token) == (there[trigger]["id"], there[trigger]["token"])
        assert (row.state, row.error, row.callback_url) == (SlashCommandState.REGISTERED, "", url)
        assert row.registered_at is not None
    state = SlashRegistrationState.DONE if wanted else SlashRegistrationState.OFF
    assert (registration(account).state, registration(account).error) == (state, "")


def skills_on(sandbox, account):
    Skill.objects.create(name="tea", prompt="Make tea: {args}", description="چای" * 40)
    change(account, commands_native_skills="on")
    return ("oc_status", "oc_model", "oc_tea"), URL


def another_prefix(sandbox, account):
    change(account, commands_prefix="ops-")
    return ("ops-status", "ops-model"), URL


def another_address(sandbox, account):
    change(account, commands_callback_url=URL + "/2")
    return ("oc_status", "oc_model"), URL + "/2"


def switched_off(sandbox, account):
    change(account, commands_native="")
    return (), URL


def nothing_changed(sandbox, account):
    return ("oc_status", "oc_model"), URL
