"""What a configuration file asks for, as plain values. Absent keys are empty: that is how they are stored."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from mattermost_bridge.config.reading import Path

#: Stands in an exported file for a secret that Durar keeps, and says on import: leave it as it is.
KEEP = "__DURAR_KEEP__"


@dataclass(frozen=True)
class Secret:
    """A secret as a file gives it: a value, a reference, the wish to keep what is stored, or none of them."""

    value: str = field(default="", repr=False)
    reference: str = ""
    keep: bool = False


@dataclass(frozen=True)
class Entry:
    """One entry of a list, and when it ends (None: never)."""

    value: str
    until: datetime | None = None


@dataclass(frozen=True)
class Group:
    """One entry of `groups`: a channel id or `*`, and whether a mention is needed there (None: not said)."""

    channel_id: str
    require_mention: bool | None = None


@dataclass(frozen=True)
class Values:
    """The values that the section and each account have in common."""

    path: Path
    enabled: bool = True
    name: str = ""
    token: Secret = Secret()
    base_url: str = ""
    dm_policy: str = ""
    group_policy: str = ""
    text_chunk_limit: int | None = None
    allow_from: tuple[Entry, ...] | None = None
    group_allow_from: tuple[Entry, ...] | None = None
    groups: tuple[Group, ...] | None = None
    pairing_text: str = ""
    agent: str = ""
    #: By the names of `RetryValues`; None where the file says nothing.
    dm_channel_retry: dict[str, int | None] = field(default_factory=dict)


@dataclass(frozen=True)
class WantedAgent:
    """The agent that `agents.defaults.model.primary` names, made from its provider."""

    path: Path
    slug: str
    base_url: str
    model: str
    key: Secret


@dataclass(frozen=True)
class Wanted:
    """A whole file. `section` is None when `channels.mattermost` is missing."""

    section: Values | None
    accounts: dict[str, Values]
    default_account: str = ""
    default_group_policy: str = ""
    agent: WantedAgent | None = None
    access_groups: dict[str, tuple[Entry, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
