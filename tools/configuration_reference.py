"""Writes the tables of docs/configuration.md from the tables of settings: `python -m tools.configuration_reference`.

A test compares the file with what this would write.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from mattermost_bridge.config.setting import Group, Kind, Setting, Where
from mattermost_bridge.config.table import ALL
from mattermost_bridge.config.values import to_file

PAGE = Path(__file__).resolve().parent.parent / "docs" / "configuration.md"
_BEGIN, _END = "<!-- {}: made by tools/configuration_reference.py -->", "<!-- end of {} -->"


def rendered(text: str) -> str:
    """The page with its tables made anew."""
    for name, table in tables().items():
        begin, end = _BEGIN.format(name), _END.format(name)
        before, _, rest = text.partition(begin)
        _, found, after = rest.partition(end)
        if not found:
            raise ValueError(f"{PAGE} lacks the marks {begin} and {end}.")
        text = f"{before}{begin}\n{table}{end}{after}"
    return text


def tables() -> dict[str, str]:
    """Each table in Markdown, by the name of its marks."""
    return {where.value: _table(setting for setting in ALL if setting.where is where) for where in Where}


def _table(settings: Iterable[Setting]) -> str:
    rows = ["| key | what it means | values | default | in the panel |", "|---|---|---|---|---|"]
    for setting in settings:
        cells = (f"`{setting.key}`", _meaning(setting), _values(setting), _default(setting), _place(setting))
        rows.append("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")
    return "\n".join(rows) + "\n"


def _meaning(setting: Setting) -> str:
    text = str(setting.help)
    return text if setting.used else f"{text} *Kept, and not used yet.*"


def _values(setting: Setting) -> str:
    limits = ""
    if setting.least is not None:
        limits = f"{setting.least:g} to {setting.most:g}" if setting.most is not None else f"at least {setting.least:g}"
    match setting.kind:
        case Kind.FLAG:
            return "true, false"
        case Kind.SWITCH:
            return 'true, false, "auto"'
        case Kind.CHOICE:
            return ", ".join(f"`{word}`" for word, _label in setting.choices)
        case Kind.WHOLE:
            return f"whole number, {limits}"
        case Kind.NUMBER:
            return f"number, {limits}"
        case Kind.LINES:
            return "list of texts"
        case Kind.LINKS:
            return "object of lists of texts"
        case Kind.LABEL:
            return "text or false"
        case Kind.LINE | Kind.TEXT:
            return "text"
    return _BY_HAND.get(setting.key, "")


_BY_HAND = {
    "enabled": "true, false",
    "name": "text",
    "botToken": "text, `env:NAME`, `file:NAME`, `{ source, provider, id }`",
    "baseUrl": "http(s) address",
    "allowFrom": "list of texts or numbers",
    "groupAllowFrom": "list of texts or numbers",
    "groups": "object of channel settings",
    "durar.agent": "an agent's id",
    "durar.allowFromUntil": "object of times",
    "durar.groupAllowFromUntil": "object of times",
    "accounts": "object of accounts",
    "defaultAccount": "an account's id",
    "accessGroups": "object of groups",
    "bindings": "list of `{ agentId, match: { channel, accountId, peer: { kind, id }, teamId }, comment }`",
    "agents.defaults.model.primary": "`provider/model`",
    "agents.entries": "object of agents",
    "models.providers": "object of providers",
    "model": "`provider/model`, or `{ primary }`",
}


def _default(setting: Setting) -> str:
    if setting.default_words:
        return str(setting.default_words)
    if setting.default in (None, ""):
        return "none"
    value = setting.default
    if setting.kind is Kind.LINES:
        return ", ".join(f"`{one}`" for one in value) or "an empty list"
    if setting.kind is Kind.LINKS:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"`{to_file(setting, value)}`"


def _place(setting: Setting) -> str:
    if setting.where is Where.CHANNEL:
        return "Channel settings"
    if setting.where is Where.AGENT:
        return "Agents"
    special = _PLACES.get(setting.key)
    if special:
        return special
    if setting.group is Group.FILE_ONLY:
        return "shown, under *In files only*"
    pages = "Defaults" if setting.where is Where.TOP else "Defaults; an account's Settings"
    return f"{pages}: {setting.group.title}"


_PLACES = {
    "name": "An account's Settings",
    "botToken": "An account's Settings: Connection",
    "allowFrom": "Access entries",
    "groupAllowFrom": "Access entries",
    "durar.allowFromUntil": "Access entries",
    "durar.groupAllowFromUntil": "Access entries",
    "groups": "Channel settings",
    "accounts": "Accounts",
    "defaultAccount": "Defaults: Rarely needed",
    "accessGroups": "Access groups",
    "bindings": "Bindings",
    "agents.entries": "Agents",
    "agents.defaults.model.primary": "Defaults, agent",
    "models.providers": "Agents",
}


def main() -> None:
    """Write the page."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "durar_site.settings")
    import django

    django.setup()
    PAGE.write_text(rendered(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
