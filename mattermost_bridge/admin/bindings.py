"""Bindings: which agent answers whom, and where, in an order that people choose."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget

from mattermost_bridge.admin import looks
from mattermost_bridge.admin.base import BridgeAdmin, SavedByService, ServiceForm, offer
from mattermost_bridge.admin.channel_settings import known_channel_name
from mattermost_bridge.admin.finding import Hit
from mattermost_bridge.admin.names import known_username
from mattermost_bridge.admin.searching import CHANNELS, PEERS, PEOPLE, SearchesDirectory, account_meant, let_search
from mattermost_bridge.admin.verbs import Verb
from mattermost_bridge.config.account_settings import DEFAULT_ACCOUNT
from mattermost_bridge.models import Account, Agent, Binding, KnownChannel, KnownPerson
from mattermost_bridge.models.states import PeerKind
from mattermost_bridge.services import bindings
from mattermost_bridge.services.audit import Actor

EVERY = bindings.EVERY


class BindingForm(ServiceForm):
    """Adding and changing a binding."""

    account_id = forms.ChoiceField(
        label=gettext_lazy("Account"),
        required=False,
        widget=UnfoldAdminSelectWidget,
        help_text=gettext_lazy("Whose messages it is about."),
    )

    class Meta:
        model = Binding
        fields = bindings.FIELDS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "agent" in self.fields:
            offer(self.fields["agent"], Agent.objects.defer("api_key"), _("The account's own agent"))
        if "account_id" in self.fields:
            field: Any = self.fields["account_id"]
            known = Account.objects.filter(archived_at=None).defer("bot_token")
            choices = [(account.account_id, str(account)) for account in known]
            stored = self.instance.account_id
            if stored not in ("", EVERY, *(key for key, _words in choices)):
                choices.append((stored, _("%s (there is no such account now)") % stored))
            words = _("The account %s") % DEFAULT_ACCOUNT
            field.choices = [("", words), (EVERY, _("Every account")), *choices]
        if "peer_kind" in self.fields:
            kind: Any = self.fields["peer_kind"]
            kind.choices = [("", _("Everywhere")), *PeerKind.choices]
        if "peer_id" in self.fields:
            let_search(self, "peer_id", PEERS, shown_peer, account_field="account_id", kind_field="peer_kind")
            self.fields["peer_id"].help_text = _(
                "Say above whether a person or a channel is meant, then type the name and choose, or enter the id. "
                "* means each of that kind."
            )


def shown_peer(peer_id: str) -> str:
    """The name behind the id of a person or a channel, "" for one that is not known."""
    if username := known_username(peer_id, None):
        return f"@{username}"
    name = known_channel_name(peer_id, None)
    return f"~{name}" if name else ""


def _kind_of(chosen: str) -> str:
    if chosen not in PeerKind.values:
        return ""
    return PEOPLE if chosen == PeerKind.DIRECT else CHANNELS


VERBS = (
    Verb(
        "up",
        gettext_lazy("Up"),
        ngettext_lazy("%d binding moved.", "%d bindings moved."),
        lambda actor, pk: bindings.move(pk, actor=actor, up=True),
        "change_binding",
        in_bulk=False,
    ),
    Verb(
        "down",
        gettext_lazy("Down"),
        ngettext_lazy("%d binding moved.", "%d bindings moved."),
        lambda actor, pk: bindings.move(pk, actor=actor, up=False),
        "change_binding",
        in_bulk=False,
    ),
    Verb(
        "remove",
        gettext_lazy("Remove"),
        ngettext_lazy("%d binding removed.", "%d bindings removed."),
        lambda actor, pk: bindings.remove(pk, actor=actor),
        "delete_binding",
        ask=gettext_lazy("There the agent of a wider binding answers then, or the account's own."),
        look="danger",
    ),
)


@admin.register(Binding)
class BindingAdmin(SearchesDirectory, SavedByService, BridgeAdmin):
    """Bindings, in their order."""

    form = BindingForm
    searched = {"peer_id": PEERS}
    account_field = "account_id"
    kind_field = "peer_kind"
    looks_up_on_change = True
    verbs = VERBS
    has_history = True
    list_display = ("place", "answers", "account_name", "where", "team", "why")
    search_fields = ("account_id", "peer_id", "team_id", "note", "agent__slug", "agent__name")
    ordering = ("position", "pk")
    sortable_by = ()
    empty_title = gettext_lazy("No bindings")
    empty_text = gettext_lazy(
        "Each account's own agent answers everywhere. Add a binding to let another agent answer one person, a channel, "
        "a team or an account."
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """With the agents, without their keys."""
        return super().get_queryset(request).select_related("agent").defer("agent__api_key", "agent__instructions")

    def prepare(self, request: HttpRequest, rows: list[Any]) -> None:
        """The names of accounts, people and channels."""
        accounts = Account.objects.filter(account_id__in={row.account_id or DEFAULT_ACCOUNT for row in rows})
        by_id = {account.account_id: account for account in accounts.defer("bot_token", "pairing_text")}
        ids = {row.peer_id for row in rows} - {"", EVERY}
        everybody = list(Account.objects.values_list("pk", flat=True)) if ids else []
        channels = KnownChannel.objects.filter(account__in=everybody, channel_id__in=ids)
        people = KnownPerson.objects.filter(account__in=everybody, user_id__in=ids)
        names = {key: shown or name for key, shown, name in channels.values_list("channel_id", "display_name", "name")}
        usernames = dict(people.values_list("user_id", "username"))
        for number, row in enumerate(rows):
            row.number = number + 1
            row.account = by_id.get(row.account_id or DEFAULT_ACCOUNT)
            row.peer_name = (usernames if row.peer_kind == PeerKind.DIRECT else names).get(row.peer_id, "")

    def server_meant(self, request: HttpRequest, value: str) -> int | None:
        """Bindings name accounts by their ids; one of every account, or of a `default` that is not there yet, asks like
        the defaults do.
        """
        found = Account.objects.filter(account_id=value or DEFAULT_ACCOUNT, archived_at=None)
        pk = None if value == EVERY else found.values_list("pk", flat=True).first()
        return account_meant(request, str(pk or ("" if value in ("", EVERY) else "0")))

    def kind_meant(self, kind: str, chosen: str) -> str:
        """Direct messages are with people, everything else is in channels."""
        return _kind_of(chosen)

    def extra_hits(self, request: HttpRequest, query: str) -> list[Hit]:
        """Each of that kind stands first, until something else is typed."""
        kind = _kind_of(request.GET.get("kind", ""))
        if not kind or query not in ("", EVERY):
            return []
        return [Hit(EVERY, _("All direct messages (*)") if kind == PEOPLE else _("All channels and groups (*)"))]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[tuple[Any, dict[str, Any]]]:
        """Who answers, then where; what is set has to match."""
        sentence = gettext_lazy(
            "Everything that is set has to match. What names a person or a channel counts more than a team, that more "
            "than an account; among equals the first in the list counts."
        )
        match = {"fields": ("account_id", "peer_kind", "peer_id", "team_id"), "description": sentence}
        return [(None, {"fields": ("agent",)}), (gettext_lazy("Where"), match), (None, {"fields": ("note",)})]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:  # noqa: FBT001, FBT002 - Django's
        """The form with all fields of a binding."""
        kwargs["fields"] = BindingForm.Meta.fields
        return super().get_form(request, obj, change=change, **kwargs)

    def save_by_service(self, request: HttpRequest, actor: Actor, record: Any, form: Any, *, change: bool) -> Model:
        """Add or change the binding."""
        values = {name: form.cleaned_data[name] for name in bindings.FIELDS}
        return bindings.change(record.pk, actor=actor, **values) if change else bindings.add(actor=actor, **values)

    @display(description=gettext_lazy("place"))
    def place(self, record: Any) -> str:
        """Its place in the list."""
        return str(record.number)

    @display(description=gettext_lazy("who answers"))
    def answers(self, record: Binding) -> SafeString:
        """The agent."""
        return looks.link(record.agent) if record.agent else looks.badge(_("The account's own agent"), "idle")

    @display(description=gettext_lazy("account"))
    def account_name(self, record: Any) -> SafeString:
        """Whose messages."""
        if record.account_id == EVERY:
            return looks.badge(_("Every account"), "idle")
        if record.account is None:
            missing = _("There is no such account, so this binding matches nothing.")
            return looks.badge(record.account_id or DEFAULT_ACCOUNT, "warning", missing)
        return looks.account(record.account)

    @display(description=gettext_lazy("where"))
    def where(self, record: Any) -> SafeString:
        """The person or the channel."""
        if not record.peer_kind:
            return looks.badge(_("Everywhere"), "idle")
        if record.peer_id == EVERY:
            direct = record.peer_kind == PeerKind.DIRECT
            return looks.badge(_("All direct messages") if direct else _("All channels and groups"), "idle")
        if record.peer_kind == PeerKind.DIRECT:
            return looks.person(record.peer_id, record.peer_name)
        return looks.channel(record.peer_id, name=record.peer_name)

    @display(description=gettext_lazy("team"))
    def team(self, record: Binding) -> SafeString:
        """The team's id."""
        return looks.code(record.team_id) if record.team_id else looks.NOTHING

    @display(description=gettext_lazy("why"))
    def why(self, record: Binding) -> SafeString:
        """The note."""
        return looks.passage(record.note, 60)
