"""What `doctor` says about an account's buttons: whether Mattermost reaches Durar, and what was wrong with posts and
clicks."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

from mattermost_bridge.rules.addresses import is_public
from mattermost_bridge.rules.doctor import Finding, Level

#: Ends of names that only private networks know; Tailscale's lead to carrier-grade addresses, which are refused too.
_PRIVATE_NAMES = (".local", ".internal", ".lan", ".localhost", ".home.arpa", ".ts.net")
_ACTION_ID = re.compile(r"[A-Za-z0-9]+")


class ClickTrouble(StrEnum):
    """What was wrong with clicks that came in. The first two values are what the log says, verbatim."""

    INVALID_TOKEN = "invalid _token"  # noqa: S105 - the log's words
    MISSING_TOKEN = "missing _token in context"  # noqa: S105 - the log's words
    RAW_ID = "context.action_id matches no button"


class PostFault(StrEnum):
    """What is wrong with a button as it stands in a post."""

    NO_TEXT = "no_text"
    NO_ID = "no_id"
    BAD_ID = "bad_id"


@dataclass(frozen=True, slots=True)
class IntegrationSettings:
    """What the server's own configuration says, which only a system administrator may read."""

    post_actions: bool = True
    allowed_connections: str = ""


@dataclass(frozen=True, slots=True)
class ButtonFacts:
    """`url` is where Mattermost sends clicks, `problem` a sentence when it cannot reach that. `told` whether agents are
    told of buttons. `settings` is None when the server does not show them. `troubles` are those of clicks in the last
    24 hours with their moments; `faults` those of the bot's newest posts, None when these were not read."""

    url: str = ""
    problem: str = ""
    told: bool = False
    settings: IntegrationSettings | None = None
    troubles: Mapping[ClickTrouble, str] | None = None
    faults: Collection[PostFault] | None = None


def faults_of(props: Any) -> set[PostFault]:
    """What is wrong with the buttons of a post, by its props as the server shows them."""
    found: set[PostFault] = set()
    for action in _actions(props):
        name, action_id = action.get("name"), action.get("id")
        if not isinstance(name, str) or not name.strip():
            found.add(PostFault.NO_TEXT)
        if not isinstance(action_id, str) or not action_id:
            found.add(PostFault.NO_ID)
        elif not _ACTION_ID.fullmatch(action_id):
            found.add(PostFault.BAD_ID)
    return found


def _actions(props: Any) -> Iterable[Mapping[str, Any]]:
    attachments = props.get("attachments") if isinstance(props, Mapping) else None
    for attachment in attachments if isinstance(attachments, list) else []:
        actions = attachment.get("actions") if isinstance(attachment, Mapping) else None
        yield from (one for one in actions or [] if isinstance(one, Mapping))


def is_private(url: str) -> bool:
    """Whether Mattermost takes the host of an address for one that it must not call unless that is allowed. Names are
    judged by their form only: what the server resolves them to, Durar cannot know."""
    host = _host(url)
    try:
        ip_address(host)
    except ValueError:
        return "." not in host or host.endswith(_PRIVATE_NAMES)
    return not is_public(host)


def is_allowed(url: str, entries: Sequence[str]) -> bool:
    """Whether `AllowedUntrustedInternalConnections` has the host of an address, by name, address or network."""
    host = _host(url)
    for entry in entries:
        if entry.lower() == host:
            return True
        try:
            if ip_address(host) in ip_network(entry, strict=False):
                return True
        except ValueError:
            continue
    return False


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


def of_buttons(facts: ButtonFacts) -> list[Finding]:
    """What is to be said about buttons."""
    found = [_reachable(facts), *_server(facts), *_posts(facts), *_clicks(facts)]
    if facts.told:
        found.append(Finding("buttons.told", Level.FINE, "Agents are told of buttons."))
    else:
        found.append(
            Finding(
                "buttons.not_told",
                Level.FINE,
                "Agents are not told of buttons, so they offer none.",
                'If they should, add "inlineButtons" to capabilities.',
            )
        )
    return found


def _reachable(facts: ButtonFacts) -> Finding:
    if facts.problem:
        remedy = "Set interactions.callbackBaseUrl, or DURAR_PUBLIC_URL, to an address that Mattermost can reach."
        return Finding("buttons.unreachable", Level.BROKEN if facts.told else Level.WARNING, facts.problem, remedy)
    return Finding("buttons.address", Level.FINE, f"Clicks on buttons come to {facts.url}.")


def _server(facts: ButtonFacts) -> list[Finding]:
    host, private = _host(facts.url), is_private(facts.url)
    if facts.settings is None:
        need = f" and AllowedUntrustedInternalConnections has {host}" if private else ""
        return [
            Finding(
                "buttons.settings_hidden",
                Level.WARNING if private and facts.told else Level.FINE,
                "EnablePostActionIntegration and AllowedUntrustedInternalConnections are shown to system "
                "administrators only, so Durar cannot look at them.",
                f"If buttons show but clicks do nothing, let one check that EnablePostActionIntegration is true{need}.",
            )
        ]
    found: list[Finding] = []
    entries = facts.settings.allowed_connections.replace(",", " ").split()
    if not facts.settings.post_actions:
        cause = "EnablePostActionIntegration is off in Mattermost: buttons show, but clicks do nothing."
        remedy = "Set ServiceSettings.EnablePostActionIntegration to true."
        found.append(Finding("buttons.integration_off", Level.BROKEN, cause, remedy))
    if urls := [entry for entry in entries if "://" in entry]:
        cause = f"AllowedUntrustedInternalConnections has full addresses ({', '.join(urls)}), which match nothing."
        found.append(Finding("buttons.allowed_urls", Level.WARNING, cause, "Put host names there, as in chat.lan."))
    if private and not is_allowed(facts.url, entries):
        cause = f"Mattermost refuses to call {host}: it is an internal address, and clicks on buttons do nothing."
        remedy = f"Add {host} to ServiceSettings.AllowedUntrustedInternalConnections."
        found.append(Finding("buttons.not_allowed", Level.BROKEN, cause, remedy))
    return found or [Finding("buttons.allowed", Level.FINE, "Mattermost's settings let clicks through.")]


_OF_POSTS = {
    PostFault.NO_TEXT: (
        "buttons.white_boxes",
        "The bot posted buttons without a text, which show as white boxes.",
        "Give each button both `text` and `callback_data` (in raw posts: `name` and `id`).",
    ),
    PostFault.NO_ID: (
        "buttons.without_id",
        "The bot posted buttons without an id, which Mattermost ignores.",
        "Give each button `callback_data` (in raw posts: an `id`).",
    ),
    PostFault.BAD_ID: (
        "buttons.bad_id",
        "The bot posted buttons whose ids are not letters and digits only: a click on one is answered 404.",
        "Use ids of A-Z, a-z and 0-9 only, without hyphens or underscores.",
    ),
}


def _posts(facts: ButtonFacts) -> list[Finding]:
    if facts.faults is None:
        return []
    found = [_OF_POSTS[fault] for fault in PostFault if fault in facts.faults]
    if not found:
        return [Finding("buttons.posts", Level.FINE, "The bot's newest posts have no malformed buttons.")]
    return [Finding(code, Level.WARNING, cause, remedy) for code, cause, remedy in found]


_OF_CLICKS = {
    ClickTrouble.INVALID_TOKEN: (
        "buttons.invalid_token",
        "A click was refused because its signature does not match (the log says: invalid _token).",
        "Sign all context fields but _token, with sorted keys and as compact JSON without blanks, by the secret that "
        "is derived from the bot token.",
    ),
    ClickTrouble.MISSING_TOKEN: (
        "buttons.missing_token",
        "A click was refused because nothing signs it (the log says: missing _token in context).",
        "Put the signature into the button's context as _token when the post is made.",
    ),
    ClickTrouble.RAW_ID: (
        "buttons.raw_id",
        "A confirmation showed a raw id instead of a button's name: context.action_id is not the id of any button.",
        "Set `context.action_id` and the button's `id` to the same value of letters and digits.",
    ),
}


def _clicks(facts: ButtonFacts) -> list[Finding]:
    found = []
    for trouble in ClickTrouble:
        if facts.troubles and trouble in facts.troubles:
            code, cause, remedy = _OF_CLICKS[trouble]
            found.append(Finding(code, Level.WARNING, f"{cause} Last seen {facts.troubles[trouble]}.", remedy))
    return found
