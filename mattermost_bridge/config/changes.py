"""What an import changes, in lines that an operator reads before or after it: + added, ~ changed, - removed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mattermost_bridge.config.table import OF_ACCOUNTS, OF_ALL

#: The words of configuration files for the fields of the records.
WORDS = {
    "agent": "durar.agent",
    "base_url": "baseUrl",
    "default_account": "defaultAccount",
    "section_exists": "channels.mattermost",
    **{column: setting.key for column, setting in {**OF_ACCOUNTS, **OF_ALL}.items()},
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

    def fields(self, subject: str, different: Mapping[str, Any], words: Mapping[str, str] = WORDS) -> None:
        """Fields with their old and new values."""
        for name, (old, new) in sorted(different.items()):
            word = words.get(name, name)
            if name == "kept":
                self.fields(subject, differing(old, new))
            elif _empty(old):
                self.added(subject, f"{word} = {_shown(new)}")
            elif _empty(new):
                self.removed(subject, f"{word} = {_shown(old)}")
            else:
                self.changed(subject, f"{word}: {_shown(old)} → {_shown(new)}")


def differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Two objects compared: for each key that differs the old and the new value, None where there is none."""
    names = sorted({*old, *new})
    return {name: [old.get(name), new.get(name)] for name in names if old.get(name) != new.get(name)}


def _empty(value: Any) -> bool:
    return value is None or value == ""


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        value = ", ".join(value) or "an empty list"
    if isinstance(value, dict):
        value = "; ".join(f"{name}: {', '.join(ids)}" for name, ids in value.items())
    text = " ".join(str(value).split())
    return text if len(text) <= 80 else f"{text[:79]}…"
