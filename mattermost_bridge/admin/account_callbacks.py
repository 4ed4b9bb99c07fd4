"""Whether clicks on an account's buttons can arrive here, for its overview."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils.translation import gettext as _

from mattermost_bridge.admin import looks
from mattermost_bridge.admin.need_rows import Row, joined, link_button, quiet
from mattermost_bridge.admin.tabs import tab_of
from mattermost_bridge.config.effective import settings_for
from mattermost_bridge.models import Account, ButtonSet
from mattermost_bridge.services import buttons, rights


def unreachable(request: HttpRequest, account: Account) -> list[Row]:
    """A row that says why Mattermost cannot reach Durar with clicks, and leads to the setting; none when it can.

    It only is a note while the account never offered buttons.
    """
    if not account.enabled or account.is_archived:
        return []
    problem = buttons.callback_problem(settings_for(account.pk))
    if not problem:
        return []
    offered = ButtonSet.objects.filter(account=account).exists()
    badge = looks.badge(_("Cannot work"), "warning") if offered else looks.badge(_("Note"), "idle")
    may = rights.may(request.user, "change_account", account)
    address = f"{tab_of(account, 'settings')}#id_interactions_callback_base_url"
    words = _("Clicks on buttons do not arrive here.")
    return [
        Row(
            joined(badge, words),
            quiet(looks.translated(problem)),
            link_button(address if may else "", _("Open its settings")),
        )
    ]
