"""Skills that are written instead of chosen as slash commands: `@bot /summary last week`."""

from __future__ import annotations

import re

from mattermost_bridge.config.effective import AccountSettings
from mattermost_bridge.models import Skill
from mattermost_bridge.rules.slash_payload import prompt_with
from mattermost_bridge.rules.slash_registration import trigger_of
from mattermost_bridge.services.slash_registration import skills_of

_COMMAND = re.compile(r"/(?P<word>\S+)\s*(?P<args>.*)", re.DOTALL)


def asked(text: str, account: AccountSettings) -> str:
    """What the agent is asked when somebody writes this, without address: a skill's prompt, or the text as it is.

    Reads no records unless the text begins with a slash, and where commands in texts are switched off, never.
    """
    written = _COMMAND.fullmatch(text.strip()) if account.policy.control_commands else None
    if written is None:
        return text
    for skill in skills_of(account.pk):
        if written["word"].lower() in names_of(skill, account):
            return prompt_with(skill.prompt, written["args"])
    return text


def names_of(skill: Skill, account: AccountSettings) -> tuple[str, str]:
    """What people may write for a skill, without the slash: its name, with and without the account's prefix."""
    return skill.name, trigger_of(account.commands.prefix, skill.name)
