"""Checks of `bindings`: which agent answers whom, and where."""

from __future__ import annotations

from typing import Any

from mattermost_bridge.config.checks import Checks
from mattermost_bridge.config.names import normalise_account_id
from mattermost_bridge.config.reading import Path
from mattermost_bridge.config.wanted import WantedBinding
from mattermost_bridge.models.states import PeerKind

BINDINGS: Path = ("bindings",)
#: What files call the agent that is nobody else: in Durar the account's own.
MAIN = "main"
EVERY = "*"
_LONGEST = 64


def bindings(checks: Checks, value: object, agents: frozenset[str]) -> tuple[WantedBinding, ...]:
    """The bindings of a file that concern Mattermost, in their order. `agents` are the ids of those that there are."""
    found = []
    for number, raw in enumerate(checks.items(BINDINGS, value)):
        here = (*BINDINGS, number)
        body = checks.mapping(here, raw)
        checks.keys(here, body, used={"agentId", "match", "comment", "type"})
        match = checks.mapping((*here, "match"), body.get("match"))
        channel = checks.text((*here, "match", "channel"), match.get("channel"))
        if channel and channel != "mattermost":
            checks.note(here, f"is not used: it concerns {channel}, not Mattermost")
            continue
        if not channel:
            checks.problem((*here, "match", "channel"), 'is missing. Write channel: "mattermost".')
        if checks.choice((*here, "type"), body.get("type"), ("route", "acp")) == "acp":
            checks.note(here, "is not used: it concerns other parts than Mattermost")
            continue
        found.append(_binding(checks, here, body, match, agents))
    return tuple(found)


def _binding(
    checks: Checks, here: Path, body: dict[str, Any], match: dict[str, Any], agents: frozenset[str]
) -> WantedBinding:
    place = (*here, "match")
    checks.keys(place, match, used={"channel", "accountId", "peer", "teamId"}, foreign={"guildId", "roles"})
    agent = checks.text((*here, "agentId"), body.get("agentId"), longest=_LONGEST)
    if not agent:
        checks.problem((*here, "agentId"), "is missing: the id of the agent that answers.")
    elif agent not in agents and agent != MAIN:
        checks.problem(
            (*here, "agentId"),
            f"names the agent {agent}, which does not exist. Add it below agents.entries, or in the panel first.",
        )
    account = checks.text((*place, "accountId"), match.get("accountId"), longest=_LONGEST)
    peer = checks.mapping((*place, "peer"), match.get("peer"))
    checks.keys((*place, "peer"), peer, used={"kind", "id"})
    kind = peer.get("kind")
    kind = checks.choice((*place, "peer", "kind"), "direct" if kind == "dm" else kind, PeerKind.values)
    peer_id = checks.text((*place, "peer", "id"), peer.get("id"), longest=_LONGEST)
    if peer and not (kind and peer_id):
        checks.problem((*place, "peer"), 'must have a kind and an id, as { kind: "channel", id: "…" }; * is every one.')
    return WantedBinding(
        agent="" if agent == MAIN and MAIN not in agents else agent,
        account_id=normalise_account_id(account) if account not in ("", EVERY) else account,
        peer_kind=kind,
        peer_id=peer_id,
        team_id=checks.text((*place, "teamId"), match.get("teamId"), longest=_LONGEST),
        note=checks.text((*here, "comment"), body.get("comment"), longest=200),
    )
