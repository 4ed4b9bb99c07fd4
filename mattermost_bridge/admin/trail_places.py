"""Where in the panel the value is changed that a check of a decision looked at, as far as the reader may go there."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.contrib import admin
from django.utils.translation import gettext as _

from mattermost_bridge.admin import looks
from mattermost_bridge.admin.tabs import tab_of
from mattermost_bridge.config.origins import ACCOUNT, EVERY_BRIDGE
from mattermost_bridge.config.table import OF_ACCOUNTS, OF_ALL
from mattermost_bridge.models import (
    AccessEntry,
    AccessGroup,
    Account,
    Agent,
    Binding,
    BlockedUser,
    BridgeDefaults,
    GroupOverride,
    PairingRequest,
)
from mattermost_bridge.models.states import AccessList
from mattermost_bridge.rules.channel_rules import EVERY_CHANNEL
from mattermost_bridge.services import rights

#: Checks that look at one setting, and its column.
SETTINGS = {
    "direct message policy": "dm_policy",
    "group policy": "group_policy",
    "mention required": "chatmode",
    "mention patterns": "mention_patterns",
    "trigger prefix": "onchar_prefixes",
    "may use control commands": "use_access_groups",
    "answered in this thread": "implicit_thread",
    "written by a webhook": "answers_bots",
    "written by another bot": "answers_bots",
    "age": "answer_within_hours",
    "answers to this bot": "bot_turns",
    "answered in": "reply_to_mode",
}
#: Checks that look at a list.
LISTS = {
    "direct message list": AccessList.DM,
    "group list": AccessList.GROUP,
    "group list (the direct message list)": AccessList.DM,
}
PAIRINGS = ("pairing", "pairing request of the sender", "pairing requests that wait")
AGENT, BLOCKED, CHANNEL_OFF = "agent", "blocked", "switched off in the channel"
#: Checks of facts that no setting changes.
FACTS = frozenset(
    {
        *("sender", "written by the bot itself", "post type", "edit", "channel type", "kind", "content", "session"),
        *(
            "is for the bot",
            "mention of the bot",
            "control command",
            "slash command",
            "button",
            "made for",
            "thread of the post",
            "session of the post",
        ),
    }
)
#: The check that looks for the bot's name ends with that name.
MENTION = "mention of @"

_OF_CHANNEL = re.compile(r'groups\[(?:"(?P<star>\*)"|(?P<id>[^\]]*))\](?: of the (?P<owner>account|defaults))?')
_OF_AGENT = re.compile(r"the agent (?P<slug>\S+)")
_MATCH = re.compile(r"(?P<value>.*) matches \(from (?P<source>.*)\)")
_GROUP = re.compile(r"the access group (?P<name>.*)")


class Step(NamedTuple):
    """A way to a place: its address, and what it is called."""

    address: str
    words: str


class Places:
    """The places of one account that a person may go to. `user_id` is of whom the decision is about."""

    def __init__(self, person: rights.Person, account: Account, user_id: str = "") -> None:
        self.person, self.account, self.user_id = person, account, user_id

    def of(self, name: str, value: str, source: str) -> Step | None:
        """Where the value of a check is changed; None where no setting changes it, or the person may not go there."""
        if name in FACTS or name.startswith(MENTION):
            return None
        if found := _OF_CHANNEL.fullmatch(source):
            return self._channel_setting(found)
        if name == CHANNEL_OFF:
            return self._list(GroupOverride, f"account={self.account.pk}", _("See the channel settings"))
        if name in LISTS:
            return self._access(LISTS[name], value, source)
        if name in PAIRINGS or source == "pairings":
            return self._list(PairingRequest, self._search(), _("See the pairing requests"))
        if name == BLOCKED:
            return self._list(BlockedUser, f"q={self.user_id}", _("See the blocked people"))
        if source.startswith("bindings["):
            return self._list(Binding, "", _("See the bindings"))
        if name == AGENT:
            return self._agent(source)
        if found := _OF_AGENT.fullmatch(source):
            return self._agent_named(found["slug"])
        if name == "may use control commands" and _MATCH.fullmatch(value):
            return self._access(None, value, source)
        column = SETTINGS.get(name, "")
        if not column or (source == "post" and value == "no"):
            return None
        return self.setting(column, source)

    def setting(self, column: str, source: str) -> Step | None:
        """The field of a setting: the account's own where it can have one, unless the value is the defaults'."""
        of_account = column in OF_ACCOUNTS
        if of_account and (source == ACCOUNT or not self._is_of_defaults(source)):
            return self._account_page("settings", column)
        if source == EVERY_BRIDGE and (wider := OF_ACCOUNTS[column].falls_back if of_account else ""):
            column = wider
        return self._defaults(column) if of_account or column in OF_ALL else None

    def add_to_list(self, which: AccessList, source: str) -> Step | None:
        """The form that puts the person on the list that was looked at; the defaults' where the list is theirs."""
        owner = None if self._is_of_defaults(source) else self.account
        if not self.user_id or not rights.may_for_account(self.person, "add_accessentry", owner):
            return None
        given = {"account": owner.pk if owner else "", "list": which.value, "value": self.user_id}
        return Step(f"{looks.add_of(AccessEntry)}?{urlencode(given)}", _("Put the person on the list"))

    def choose_agent(self) -> Step | None:
        """The account's tab for its agent."""
        return self._account_page("agent", "")

    def channels(self) -> Step | None:
        """The account's tab where single channels get settings of their own, as that no mention is needed there."""
        return self._account_page("channels", "")

    def _search(self) -> str:
        return urlencode({"account": self.account.pk, **({"q": self.user_id} if self.user_id else {})})

    @staticmethod
    def _is_of_defaults(source: str) -> bool:
        return source in ("defaults", EVERY_BRIDGE)

    def _account_page(self, tab: str, column: str) -> Step | None:
        words = self._words("account", self.account)
        anchor = f"#id_{column}" if column else ""
        return Step(f"{tab_of(self.account, tab)}{anchor}", words) if words else None

    def _defaults(self, column: str) -> Step | None:
        words = self._words("bridgedefaults", BridgeDefaults(pk=1))
        return Step(f"{looks.page_of(BridgeDefaults(pk=1))}#id_{column}", words) if words else None

    def _words(self, kind: str, record: Any) -> str:
        """What the way to a record is called: change, where the person may, or see; "" when they may not look."""
        if rights.may(self.person, f"change_{kind}", record):
            return _("Change")
        return _("See it") if rights.may(self.person, f"view_{kind}", record) else ""

    def _list(self, model: Any, query: str, words: str) -> Step | None:
        if not admin.site.is_registered(model) or not rights.may(self.person, f"view_{model._meta.model_name}"):
            return None
        return Step(looks.list_of(model, query), words)

    def _record(self, found: Any, otherwise: Callable[[], Step | None]) -> Step | None:
        if found is None:
            return otherwise()
        words = self._words(found._meta.model_name, found)
        return Step(looks.page_of(found), words) if words else None

    def _channel_setting(self, found: re.Match[str]) -> Step | None:
        owner = None if found["owner"] == "defaults" else self.account
        rows = GroupOverride.objects.filter(account=owner, channel_id=EVERY_CHANNEL if found["star"] else found["id"])
        query = f"account={owner.pk}" if owner else ""
        return self._record(rows.first(), lambda: self._list(GroupOverride, query, _("See the channel settings")))

    def _access(self, which: AccessList | None, value: str, source: str) -> Step | None:
        """The entry that matched; else the list."""
        owner = None if self._is_of_defaults(source) else self.account
        match = _MATCH.fullmatch(value)
        query = urlencode({**({"account": owner.pk} if owner else {}), **({"list": which.value} if which else {})})

        def whole() -> Step | None:
            return self._list(AccessEntry, query, _("See the list"))

        if match is None:
            return whole()
        if group := _GROUP.fullmatch(match["source"]):
            rows: Any = AccessGroup.objects.filter(name__iexact=group["name"])
        else:
            rows = AccessEntry.objects.filter(account=owner, value=match["value"])
            rows = rows.filter(list=which) if which else rows
        return self._record(rows.first(), whole)

    def _agent(self, source: str) -> Step | None:
        if self._is_of_defaults(source):
            return self._defaults("agent")
        return self.choose_agent()

    def _agent_named(self, slug: str) -> Step | None:
        rows = rights.visible_to(self.person, Agent.objects.defer("api_key"))
        return self._record(rows.filter(slug=slug).first(), lambda: self._list(Agent, "", _("See the agents")))
