"""What can be done with accounts, one by one and in bulk."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy

from mattermost_bridge.admin.standing import standing_of
from mattermost_bridge.admin.verbs import Verb
from mattermost_bridge.config.effective import settings_for
from mattermost_bridge.models import Account
from mattermost_bridge.services import accounts, directory_refresh, listeners, slash_registration
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.errors import NotFound, Refused


def _is_on(account: Account) -> bool:
    return account.enabled and not account.is_archived


def is_listening(account: Account) -> bool:
    """Whether the account hears what is said."""
    return standing_of(account).up


def _reconnect(actor: Actor, pk: int) -> None:
    account = Account.objects.defer("bot_token").filter(pk=pk).first()
    if account is None:
        raise NotFound(_("This account does not exist any more. Reload the page."))
    listeners.request_reconnect(account, actor)


def _fetch_names(actor: Actor, pk: int) -> None:
    done = directory_refresh.refresh(pk)
    if not done.complete:
        raise Refused(
            _("There was no time to fetch all names: %(people)d people and %(channels)d channels are known anew. "
              "A search still finds the others.") % {"people": done.people, "channels": done.channels}
        )  # fmt: skip


def _has_commands(account: Account) -> bool:
    return _is_on(account) and settings_for(account.pk).commands.native


VERBS = (
    Verb(
        "reconnect",
        gettext_lazy("Reconnect"),
        ngettext_lazy("%d account connects anew.", "%d accounts connect anew."),
        _reconnect,
        "reconnect_account",
        ask_in_bulk=gettext_lazy(
            "Connections are closed and opened anew. What is written meanwhile is heard afterwards."
        ),
        fits=_is_on,
        fits_in_row=lambda account: not is_listening(account),
    ),
    Verb(
        "names",
        gettext_lazy("Fetch names"),
        ngettext_lazy(
            "The names of people and channels were fetched for %d account.",
            "The names of people and channels were fetched for %d accounts.",
        ),
        _fetch_names,
        "add_accessentry",
        in_row=False,
        in_bulk=False,  # each may take half a minute
        fits=_is_on,
    ),
    Verb(
        "commands",
        gettext_lazy("Register commands again"),
        ngettext_lazy(
            "The slash commands of %d account are being registered.",
            "The slash commands of %d accounts are being registered.",
        ),
        lambda actor, pk: slash_registration.register_again(pk, actor=actor),
        "reconnect_account",
        in_row=False,
        in_bulk=False,
        fits=_has_commands,
    ),
    Verb(
        "enable",
        gettext_lazy("Enable"),
        ngettext_lazy("%d account enabled.", "%d accounts enabled."),
        lambda actor, pk: accounts.enable(pk, actor=actor),
        "change_account",
        ask_in_bulk=gettext_lazy(
            "These bots connect, and answer what was written to them while they were disabled. Those that are enabled "
            "already stay as they are."
        ),
        in_row=False,
        fits=lambda account: not account.enabled and not account.is_archived,
    ),
    Verb(
        "disable",
        gettext_lazy("Disable"),
        ngettext_lazy("%d account disabled.", "%d accounts disabled."),
        lambda actor, pk: accounts.disable(pk, actor=actor),
        "change_account",
        ask_in_bulk=gettext_lazy(
            "These bots stop listening and answering. They keep everything, and what is written to them meanwhile is "
            "heard once they are enabled again."
        ),
        in_row=False,
        fits=_is_on,
    ),
    Verb(
        "archive",
        gettext_lazy("Archive"),
        ngettext_lazy("%d account archived.", "%d accounts archived."),
        lambda actor, pk: accounts.archive(pk, actor=actor),
        "change_account",
        ask=gettext_lazy(
            "The bot stops listening and answering, and messages that still wait to be sent are cancelled. Its history "
            "stays, and it can be restored later."
        ),
        look="danger",
        in_row=False,
        fits=lambda account: not account.is_archived,
    ),
    Verb(
        "restore",
        gettext_lazy("Restore"),
        ngettext_lazy("%d account restored.", "%d accounts restored."),
        lambda actor, pk: accounts.restore(pk, actor=actor),
        "change_account",
        fits=lambda account: account.is_archived,
    ),
)
