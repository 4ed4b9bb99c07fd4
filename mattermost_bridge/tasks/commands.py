"""Registering slash commands."""

from __future__ import annotations

from celery import shared_task

from mattermost_bridge.services import slash_registration, slash_teams, sweep

EVERY = 10.0


@shared_task(name="durar.upkeep.commands")
def look_for_commands() -> str:
    """Start a run for every account whose slash commands need one."""
    if not sweep.claim_tick("commands", EVERY):
        return "done by another scheduler"
    return f"{slash_registration.look()} registration(s) of slash commands started"


@shared_task(name=slash_registration.RUN)
def register_commands(account_pk: int) -> str:
    """Make the teams of an account's bot have the slash commands that are wanted."""
    return f"slash commands: {slash_teams.run(account_pk)}"
