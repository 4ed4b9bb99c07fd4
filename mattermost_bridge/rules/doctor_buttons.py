"""What `doctor` says about an account's buttons: whether Mattermost reaches Durar, and what was wrong with posts and
clicks."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from mattermost_bridge.rules.doctor import Finding, Level
from mattermost_bridge.rules.doctor_callbacks import BUTTONS, IntegrationSettings, host_of, is_private, of_allowed
from mattermost_bridge.rules.marking import Filled, joined
from mattermost_bridge.rules.marking import gettext_noop as _

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


def of_buttons(facts: ButtonFacts) -> list[Finding]:
    """What is to be said about buttons."""
    found = [_reachable(facts), *_server(facts), *_posts(facts), *_clicks(facts)]
    if facts.told:
        found.append(Finding("buttons.told", Level.FINE, _("Agents are told of buttons.")))
    else:
        cause = _("Agents are not told of buttons, so they offer none.")
        remedy = _('If they should, add "inlineButtons" to capabilities.')
        found.append(Finding("buttons.not_told", Level.FINE, cause, remedy))
    return found


def _reachable(facts: ButtonFacts) -> Finding:
    if facts.problem:
        remedy = _("Set interactions.callbackBaseUrl, or DURAR_PUBLIC_URL, to an address that Mattermost can reach.")
        return Finding("buttons.unreachable", Level.BROKEN if facts.told else Level.WARNING, facts.problem, remedy)
    return Finding("buttons.address", Level.FINE, Filled(_("Clicks on buttons come to {url}."), url=facts.url))


def _server(facts: ButtonFacts) -> list[Finding]:
    host, private = host_of(facts.url), is_private(facts.url)
    if facts.settings is None:
        cause = _(
            "EnablePostActionIntegration and AllowedUntrustedInternalConnections are shown to system administrators "
            "only, so Durar cannot look at them."
        )
        remedy = (
            Filled(
                _(
                    "If buttons show but clicks do nothing, let one check that EnablePostActionIntegration is true and "
                    "AllowedUntrustedInternalConnections has {host}."
                ),
                host=host,
            )
            if private
            else _("If buttons show but clicks do nothing, let one check that EnablePostActionIntegration is true.")
        )
        level = Level.WARNING if private and facts.told else Level.FINE
        return [Finding("buttons.settings_hidden", level, cause, remedy)]
    found: list[Finding] = []
    if not facts.settings.post_actions:
        cause = _("EnablePostActionIntegration is off in Mattermost: buttons show, but clicks do nothing.")
        remedy = _("Set ServiceSettings.EnablePostActionIntegration to true.")
        found.append(Finding("buttons.integration_off", Level.BROKEN, cause, remedy))
    found += of_allowed(BUTTONS, facts.url, facts.settings)
    return found or [Finding("buttons.allowed", Level.FINE, _("Mattermost's settings let clicks through."))]


_OF_POSTS = {
    PostFault.NO_TEXT: (
        "buttons.white_boxes",
        _("The bot posted buttons without a text, which show as white boxes."),
        _("Give each button both `text` and `callback_data` (in raw posts: `name` and `id`)."),
    ),
    PostFault.NO_ID: (
        "buttons.without_id",
        _("The bot posted buttons without an id, which Mattermost ignores."),
        _("Give each button `callback_data` (in raw posts: an `id`)."),
    ),
    PostFault.BAD_ID: (
        "buttons.bad_id",
        _("The bot posted buttons whose ids are not letters and digits only: a click on one is answered 404."),
        _("Use ids of A-Z, a-z and 0-9 only, without hyphens or underscores."),
    ),
}


def _posts(facts: ButtonFacts) -> list[Finding]:
    if facts.faults is None:
        return []
    found = [_OF_POSTS[fault] for fault in PostFault if fault in facts.faults]
    if not found:
        return [Finding("buttons.posts", Level.FINE, _("The bot's newest posts have no malformed buttons."))]
    return [Finding(code, Level.WARNING, cause, remedy) for code, cause, remedy in found]


_OF_CLICKS = {
    ClickTrouble.INVALID_TOKEN: (
        "buttons.invalid_token",
        _("A click was refused because its signature does not match (the log says: invalid _token)."),
        _(
            "Sign all context fields but _token, with sorted keys and as compact JSON without blanks, by the secret "
            "that is derived from the bot token."
        ),
    ),
    ClickTrouble.MISSING_TOKEN: (
        "buttons.missing_token",
        _("A click was refused because nothing signs it (the log says: missing _token in context)."),
        _("Put the signature into the button's context as _token when the post is made."),
    ),
    ClickTrouble.RAW_ID: (
        "buttons.raw_id",
        _("A confirmation showed a raw id instead of a button's name: context.action_id is not the id of any button."),
        _("Set `context.action_id` and the button's `id` to the same value of letters and digits."),
    ),
}


def _clicks(facts: ButtonFacts) -> list[Finding]:
    found = []
    for trouble in ClickTrouble:
        if facts.troubles and trouble in facts.troubles:
            code, cause, remedy = _OF_CLICKS[trouble]
            last = Filled(_("Last seen {at}."), at=facts.troubles[trouble])
            found.append(Finding(code, Level.WARNING, joined(cause, last), remedy))
    return found
