"""Settings of single channels: the `groups` map of an account or of the defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from mattermost_bridge.config import effective
from mattermost_bridge.config.table import OF_CHANNELS
from mattermost_bridge.models import Account, GroupOverride
from mattermost_bridge.rules.mentions import EVERY_CHANNEL
from mattermost_bridge.services import audit
from mattermost_bridge.services.access import USER_ID
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.errors import NotFound, Refused
from mattermost_bridge.services.fields import decide_all_that_waited, take
from mattermost_bridge.services.records import owner_named, owner_of_lists

#: What an entry can say.
SAYS = frozenset({*OF_CHANNELS, "agent"})
_WORDS = {True: "a mention is needed", False: "no mention is needed", None: "whether a mention is needed is left open"}


def add(
    *,
    actor: Actor,
    account: Account | None,
    channel_id: str,
    channel_name: str = "",
    note: str = "",
    **says: Any,
) -> GroupOverride:
    """Say what holds in one channel (or in `*`) for an account or (None) for the defaults; `says` are of `SAYS`.
    Raises Refused.

    With its first entry the account has channel settings of its own: those that it inherited no longer hold.
    """
    channel_id = check_channel(channel_id)
    with transaction.atomic():
        owner = owner_of_lists(account)
        if GroupOverride.objects.filter(account=account, channel_id=channel_id).exists():
            raise Refused(
                f"{owner_named(account).capitalize()} has a setting for this channel already. Change the one that is "
                "there."
            )
        override = GroupOverride(
            account=account,
            channel_id=channel_id,
            channel_name=channel_name.strip().lstrip("~")[:128] if channel_id != EVERY_CHANNEL else "",
            note=note.strip()[:200],
            added_by=actor.user,
        )
        _apply(override, says)
        override.save()
        began = not owner.own_groups
        if began:
            owner.own_groups = True
            owner.save(update_fields=["own_groups"])
        audit.record(
            actor=actor,
            verb="channel.add",
            summary=f"{override}: {in_words(override)}, for {owner_named(account)}."
            + (" It has its own channel settings now and inherits none." if began and account else ""),
            account=account,
            target=override,
            details={"channel_id": channel_id, **_shown(override)},
        )
        effective.bump_version()
        if override.agent:
            decide_all_that_waited()
    return override


def change(override_pk: int, *, actor: Actor, note: str | None = None, **says: Any) -> GroupOverride:
    """Change what holds in a channel: those of `SAYS` that are given. Raises NotFound, Refused."""
    with transaction.atomic():
        override = _locked(override_pk)
        before = _shown(override)
        _apply(override, says)
        if note is not None:
            override.note = note.strip()[:200]
        override.save()
        after = _shown(override)
        names = sorted({*before, *after})
        audit.record(
            actor=actor,
            verb="channel.change",
            summary=f"{override}: {in_words(override)}, for {owner_named(override.account)}.",
            account=override.account,
            target=override,
            details={n: [before.get(n), after.get(n)] for n in names if before.get(n) != after.get(n)},
        )
        effective.bump_version()
        if before.get("agent") != after.get("agent"):
            decide_all_that_waited()
    return override


def remove(override_pk: int, *, actor: Actor) -> None:
    """Take a channel's setting away; what holds for every channel holds there then. The map stays the owner's own."""
    with transaction.atomic():
        override = _locked(override_pk)
        audit.record(
            actor=actor,
            verb="channel.remove",
            summary=f"The setting of {override} was removed from {owner_named(override.account)}.",
            account=override.account,
            target=override,
            details={"channel_id": override.channel_id, **_shown(override)},
        )
        override.delete()
        effective.bump_version()


def use_own(*, actor: Actor, account: Account | None, own: bool) -> None:
    """Let an account have its own channel settings (none at first), or inherit again, which removes its own."""
    with transaction.atomic():
        owner = owner_of_lists(account)
        if owner.own_groups is own:
            return
        owner.own_groups = own
        owner.save(update_fields=["own_groups"])
        removed = {}
        if not own:
            overrides = GroupOverride.objects.filter(account=account)
            removed = {each.channel_id: each.require_mention for each in overrides}
            overrides.delete()
        state = "has its own channel settings" if own else "no longer has its own channel settings"
        audit.record(
            actor=actor,
            verb="channel.own",
            summary=f"{owner_named(account).capitalize()} {state}.",
            account=account,
            details={"own": own, "removed": removed},
        )
        effective.bump_version()


def in_words(override: GroupOverride) -> str:
    """What an entry says, in words."""
    parts = ["the bot is off"] if override.off else []
    parts.append(_WORDS[override.require_mention])
    if override.chatmode:
        parts.append(f"chat mode {override.chatmode}")
    if override.reply_to_mode:
        parts.append(f"answers stand as {override.reply_to_mode} says")
    if override.agent:
        parts.append(f"the agent {override.agent.slug} answers")
    if override.instructions:
        parts.append("the agent gets extra instructions")
    return ", ".join(parts)


def check_channel(value: str) -> str:
    """A channel id, or `*` for every other channel. Raises Refused for anything else."""
    wanted = value.strip()
    if wanted == EVERY_CHANNEL or USER_ID.fullmatch(wanted):
        return wanted
    raise Refused(
        f"{wanted!r} is no channel id (26 small letters and digits). Pick the channel from the list, or enter its id, "
        "or * for every channel without a setting of its own."
    )


def _apply(override: GroupOverride, says: Mapping[str, Any]) -> None:
    unknown = set(says) - SAYS
    if unknown:
        raise TypeError(f"Channel settings have no fields {sorted(unknown)}")
    for name, value in says.items():
        setattr(override, name, value if name == "agent" else take(OF_CHANNELS[name], value))


def _shown(override: GroupOverride) -> dict[str, Any]:
    """What an entry says, for the audit log: the mention always, the rest when it says something."""
    rest = {name: getattr(override, name) for name in OF_CHANNELS if name != "require_mention"}
    said = {"require_mention": override.require_mention} | {name: value for name, value in rest.items() if value}
    return said | ({"agent": override.agent.slug} if override.agent else {})


def _locked(override_pk: int) -> GroupOverride:
    """The setting, read under its owner's lock: two who change it at once come one after the other."""
    owner_of_lists(_read(override_pk).account)
    return _read(override_pk)


def _read(override_pk: int) -> GroupOverride:
    override = (
        GroupOverride.objects.select_related("account", "agent")
        .defer("account__bot_token", "agent__api_key")
        .filter(pk=override_pk)
        .first()
    )
    if override is None:
        raise NotFound("This channel setting was removed already. Reload the page.")
    return override
