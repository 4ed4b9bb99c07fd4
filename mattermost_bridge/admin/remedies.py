"""Where in the panel something is set right: the address for a finding about an account."""

from __future__ import annotations

from django.utils.translation import gettext_lazy

from mattermost_bridge.admin import looks
from mattermost_bridge.admin.tabs import tab_of
from mattermost_bridge.models import Account, BridgeDefaults
from mattermost_bridge.rules.lint import Finding, Place
from mattermost_bridge.services import rights

#: The tab of the account's page where each place is.
TABS = {
    Place.ACCESS: "access",
    Place.POLICY: "settings",
    Place.CHANNELS: "channels",
    Place.AGENT: "agent",
    Place.AGENT_PAGE: "agent",
    Place.CONNECTION: "settings",
}

#: What the way there is called.
WORDS = {
    Place.ACCESS: gettext_lazy("See its lists"),
    Place.POLICY: gettext_lazy("Open its settings"),
    Place.CHANNELS: gettext_lazy("See its channels"),
    Place.AGENT: gettext_lazy("Choose an agent"),
    Place.AGENT_PAGE: gettext_lazy("See its agent"),
    Place.CONNECTION: gettext_lazy("Open its settings"),
    Place.DEFAULTS: gettext_lazy("Open the defaults"),
}


def words_for(finding: Finding) -> str:
    """What a button says that leads to where this is set right."""
    return str(WORDS[finding.place])


def link_for(user: rights.Person, finding: Finding, account: Account) -> str:
    """The address where this finding about an account is set right; "" when the person may not go there."""
    if finding.place == Place.DEFAULTS:
        return looks.list_of(BridgeDefaults) if rights.may(user, "change_bridgedefaults") else ""
    return tab_of(account, TABS[finding.place])
