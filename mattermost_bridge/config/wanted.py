"""What a configuration file asks for, as plain values. Absent keys are empty: that is how they are stored."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

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
    """One entry of `groups`: a channel id or `*`, what it says by column, and the id of its agent ("": none)."""

    channel_id: str
    values: dict[str, Any] = field(default_factory=dict)
    agent: str = ""


@dataclass(frozen=True)
class Values:
    """The values that the section and each account have in common.

    `settings` are those of the tables by column, `kept` those by key that nothing reads; both hold what is set.
    """

    path: Path
    enabled: bool = True
    name: str = ""
    token: Secret = Secret()
    base_url: str = ""
    allow_from: tuple[Entry, ...] | None = None
    group_allow_from: tuple[Entry, ...] | None = None
    groups: tuple[Group, ...] | None = None
    agent: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    kept: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class WantedAgent:
    """An agent: that of `agents.defaults.model.primary`, or one of `agents.entries`.

    Without `base_url` its address and key stay as they are. `values` are what an entry says of it, None where there is
    no entry: then the rest stays, too. `takes_images` is what the provider says of the model, None for nothing.
    """

    path: Path
    slug: str
    base_url: str = ""
    model: str = ""
    key: Secret = Secret()
    backend: str = ""
    values: dict[str, Any] | None = None
    takes_images: bool | None = None


@dataclass(frozen=True)
class WantedBinding:
    """One entry of `bindings`; `agent` is "" for the account's own."""

    agent: str
    account_id: str = ""
    peer_kind: str = ""
    peer_id: str = ""
    team_id: str = ""
    note: str = ""


@dataclass(frozen=True)
class Wanted:
    """A whole file. `section` is None when `channels.mattermost` is missing; `settings` stand outside of it."""

    section: Values | None
    accounts: dict[str, Values]
    default_account: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    agent: WantedAgent | None = None
    agents: tuple[WantedAgent, ...] = ()
    bindings: tuple[WantedBinding, ...] = ()
    access_groups: dict[str, tuple[Entry, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
