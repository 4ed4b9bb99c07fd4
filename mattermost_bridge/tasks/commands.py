"""Registering slash commands, and what trials of whether they arrive leave behind."""

from __future__ import annotations

from celery import shared_task

from mattermost_bridge.services import reachability, slash_registration, slash_teams, sweep

EVERY = 10.0
TRIALS_EVERY = 86400.0


@shared_task(name="durar.upkeep.commands")
def look_for_commands() -> str:
    """Start a run for every account whose slash commands need one."""
    if not sweep.claim_tick("commands", EVERY):
        return "done by another scheduler"
    return f"{slash_registration.look()} registration(s) of slash commands started"


@shared_task(name="durar.upkeep.trials")
def remove_trials() -> str:
    """Once a day, remove the posts of trials of reachability that were cut off."""
    if not sweep.claim_tick("trials", TRIALS_EVERY):
        return "done by another scheduler"
    return f"trials of {reachability.clean_up()} account(s) removed"


@shared_task(name=slash_registration.RUN)
def register_commands(account_pk: int) -> str:
    """Make the teams of an account's bot have the slash commands that are wanted."""
    return f"slash commands: {slash_teams.run(account_pk)}"


@shared_task(name=slash_registration.DOUBT)
def doubt_commands(account_pk: int) -> str:
    """Look whether Mattermost still has an account's commands with the tokens that we know, and mend what differs.

    Wrong tokens start this, so it is done once a minute for an account, whatever comes in, in whichever process.
    """
    if not sweep.claim_tick(f"doubt {account_pk}", slash_registration.DOUBT_EVERY):
        return "looked at a moment ago"
    if slash_registration.waits(account_pk):
        return "a run is due anyway"
    return f"slash commands: {slash_teams.run(account_pk)}"
