"""The trail of a decision as pages show it: every check in order with what it looked at, where that comes from and its
verdict, and the way to where it is changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from mattermost_bridge.admin import looks
from mattermost_bridge.admin.trail_places import LISTS, SETTINGS, Places, Step
from mattermost_bridge.models import AccessEntry, Agent, BlockedUser, PairingRequest
from mattermost_bridge.models.states import AccessList
from mattermost_bridge.rules.reasons import REASONS, Reason
from mattermost_bridge.services import rights

Trail = Iterable[Mapping[str, Any]]

#: What sources are called; others stand as they are.
SOURCES = {
    "account": gettext_lazy("the account's settings"),
    "defaults": gettext_lazy("the defaults"),
    "channels.defaults": gettext_lazy("the policy for every kind of bridge"),
    "environment": gettext_lazy("the environment: MATTERMOST_BOT_TOKEN, MATTERMOST_URL"),
    "built-in": gettext_lazy("the built-in value"),
    "post": gettext_lazy("the post"),
    "event": gettext_lazy("the event"),
    "pairings": gettext_lazy("the approved pairings"),
    "pairing requests": gettext_lazy("the pairing requests"),
    "blocked people": gettext_lazy("the blocked people"),
    "conversations": gettext_lazy("the conversations"),
    "tried out": gettext_lazy("what is tried out"),
}
#: What ended it after, or without, the checks: what was looked at, and what was found.
AFTERWARDS: dict[Reason, tuple[Any, Any, Any]] = {
    Reason.REVOKED_MEANWHILE: (
        gettext_lazy("right when its turn began"),
        gettext_lazy("withdrawn"),
        gettext_lazy("the lists at that moment"),
    ),
    Reason.STOPPED: (gettext_lazy("/stop in its session"), gettext_lazy("written before its turn began"), ""),
    Reason.PUT_ASIDE: (gettext_lazy("put aside"), gettext_lazy("by an operator"), gettext_lazy("the audit log")),
    Reason.BEFORE_LISTENING: (
        gettext_lazy("written before the bot listened here"),
        gettext_lazy("yes"),
        gettext_lazy("when the account first connected"),
    ),
    Reason.CHANNEL_GONE: (gettext_lazy("channel"), gettext_lazy("not visible to the bot any more"), "Mattermost"),
    Reason.UNREADABLE: (gettext_lazy("readable as an event"), gettext_lazy("no"), gettext_lazy("the kept bytes")),
    Reason.FAILED_PROCESSING: (
        gettext_lazy("attempts to decide"),
        gettext_lazy("all failed"),
        gettext_lazy("the error below"),
    ),
}


def shown(trail: Trail, places: Places, reason: str = "", waits: str = "") -> SafeString:
    """A stored trail, or one of a rehearsal. `reason` may be one that was found after the checks; `waits` are the words
    for an event without checks."""
    checks = [_check(check, places) for check in trail]
    known = REASONS.get(reason)
    after = AFTERWARDS.get(known) if known else None
    if after is not None:
        name, value, source = after
        checks.append(
            {"name": name, "value": value, "source": source, "verdict": looks.verdict(passed=False), "step": None}
        )
    return render_to_string("admin/durar/trail.html", {"checks": checks, "waits": waits})


def rows_of(checks: Iterable[Any]) -> list[dict[str, Any]]:
    """Checks of a decision in the form in which events keep them."""
    return [{"name": one.name, "value": one.value, "source": one.source, "passed": one.passed} for one in checks]


def _check(check: Mapping[str, Any], places: Places) -> dict[str, Any]:
    name, value, source = (str(check.get(key, "")) for key in ("name", "value", "source"))
    return {
        "name": _translated(name),
        "value": _translated(value),
        "source": SOURCES.get(source, source),
        "verdict": looks.verdict(check.get("passed")),
        "step": places.of(name, value, source),
    }


def _translated(text: str) -> str:
    """A text that the rules gave out; "" stays empty, for which a catalogue has its own header."""
    return _(text) if text else ""


def remedies(reason: Reason | None, trail: Trail, places: Places) -> list[Step]:
    """Where the remedy of a reason is done, the nearest first, as far as the reader may go there."""
    if reason is None or not reason.remedy:
        return []
    checks = list(trail)
    last = next((check for check in reversed(checks) if check.get("passed") is False), {})
    name, value, source = (str(last.get(key, "")) for key in ("name", "value", "source"))
    account = places.account
    steps: list[Step | None] = []
    if reason in (Reason.PAIRING_REQUIRED, Reason.PAIRING_REPEATED, Reason.PAIRING_QUEUE_FULL):
        steps.append(_list(places, PairingRequest, {"account": account.pk}, _("Pairing requests")))
    elif reason == Reason.NO_AGENT:
        choose = places.choose_agent()
        steps.append(Step(choose.address, _("Choose an agent")) if choose else None)
        steps.append(_list(places, Agent, {}, _("Agents")))
    elif reason in (Reason.DM_NOT_LISTED, Reason.GROUP_NOT_LISTED, Reason.GROUP_LIST_EMPTY, Reason.COMMAND_REFUSED):
        group = reason in (Reason.GROUP_NOT_LISTED, Reason.GROUP_LIST_EMPTY)
        which = LISTS.get(name, AccessList.GROUP if group else AccessList.DM)
        steps.append(places.add_to_list(which, source if name in LISTS else ""))
        steps.append(_list(places, AccessEntry, {"account": account.pk}, _("Access entries")))
    elif reason == Reason.NO_MENTION:
        channels = places.channels()
        steps.append(Step(channels.address, _("Its channels")) if channels else None)
    elif reason in (Reason.BLOCKED, Reason.REVOKED_MEANWHILE):
        steps.append(_list(places, BlockedUser, {"q": places.user_id}, _("Blocked people")))
    if column := _COLUMN_OF.get(reason):
        found = _where(column, checks, places)
        steps.append(Step(found.address, str(_REMEDY_WORDS[column])) if found else None)
    elif name and not steps:
        steps.append(places.of(name, value, source))
    return [step for step in steps if step is not None]


def _where(column: str, checks: list[Mapping[str, Any]], places: Places) -> Step | None:
    """Where a setting is changed so that this decision would be another one: where its value came from."""
    for check in checks:
        if SETTINGS.get(str(check.get("name"))) == column:
            found = places.of(str(check["name"]), str(check.get("value", "")), str(check.get("source", "")))
            return found or places.setting(column, "")
    return places.setting(column, "")


#: The setting that a remedy names.
_COLUMN_OF = {
    Reason.DM_DISABLED: "dm_policy",
    Reason.GROUP_DISABLED: "group_policy",
    Reason.GROUP_NOT_LISTED: "group_policy",
    Reason.GROUP_LIST_EMPTY: "group_policy",
    Reason.OTHER_BOT: "answers_bots",
    Reason.OTHER_WEBHOOK: "answers_bots",
    Reason.LOOP_BUDGET: "bot_turns",
    Reason.TOO_OLD: "answer_within_hours",
    Reason.NO_MENTION: "chatmode",
    Reason.NOT_TRIGGERED: "chatmode",
    Reason.COMMAND_REFUSED: "use_access_groups",
}
_REMEDY_WORDS = {
    "dm_policy": gettext_lazy("The direct message policy"),
    "group_policy": gettext_lazy("The channel policy"),
    "answers_bots": gettext_lazy("Whether other bots are answered"),
    "bot_turns": gettext_lazy("How often one bot is answered"),
    "answer_within_hours": gettext_lazy("How old posts are answered"),
    "chatmode": gettext_lazy("The chat mode"),
    "use_access_groups": gettext_lazy("Who may use control commands"),
}


def _list(places: Places, model: Any, query: dict[str, Any], words: str) -> Step | None:
    if not rights.may(places.person, f"view_{model._meta.model_name}"):
        return None
    return Step(looks.list_of(model, urlencode(query)), words)
