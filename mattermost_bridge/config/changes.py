"""What an import changes, in lines that an operator reads before or after it: + added, ~ changed, - removed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mattermost_bridge.models.accounts import RETRY_FIELDS
from mattermost_bridge.rules.direct_channels import KEYS

#: The words of configuration files for the fields of the records.
WORDS = {
    "agent": "durar.agent",
    "base_url": "baseUrl",
    "default_account": "defaultAccount",
    "default_group_policy": "channels.defaults.groupPolicy",
    "dm_policy": "dmPolicy",
    **{field: f"dmChannelRetry.{KEYS[name]}" for name, field in RETRY_FIELDS.items()},
    "group_policy": "groupPolicy",
    "pairing_text": "durar.pairingText",
    "section_exists": "channels.mattermost",
    "text_chunk_limit": "textChunkLimit",
}


class Changes:
    """The lines so far, in the order in which the changes were made."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __bool__(self) -> bool:
        return bool(self.lines)

    def added(self, subject: str, text: str) -> None:
        """Something that was not there."""
        self.lines.append(f"+ {subject}: {text}")

    def changed(self, subject: str, text: str) -> None:
        """Something that is another than before."""
        self.lines.append(f"~ {subject}: {text}")

    def removed(self, subject: str, text: str) -> None:
        """Something that is gone."""
        self.lines.append(f"- {subject}: {text}")

    def fields(self, subject: str, different: Mapping[str, Any]) -> None:
        """Fields with their old and new values."""
        for name, (old, new) in sorted(different.items()):
            word = WORDS.get(name, name)
            if _empty(old):
                self.added(subject, f"{word} = {_shown(new)}")
            elif _empty(new):
                self.removed(subject, f"{word} = {_shown(old)}")
            else:
                self.changed(subject, f"{word}: {_shown(old)} → {_shown(new)}")


def _empty(value: Any) -> bool:
    return value is None or value == ""


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = " ".join(str(value).split())
    return text if len(text) <= 80 else f"{text[:79]}…"
