"""Channel settings: what is different in single channels, and what holds in all others."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget

from mattermost_bridge.admin import looks
from mattermost_bridge.admin.base import BridgeAdmin, SavedByService, ServiceForm, offer, offer_accounts
from mattermost_bridge.admin.filters import AccountFilter, QuestionFilter
from mattermost_bridge.admin.finding import Hit
from mattermost_bridge.admin.searching import CHANNELS, SearchesDirectory, let_search
from mattermost_bridge.admin.setting_fields import SOURCES, check
from mattermost_bridge.admin.tabs import BackToItsTab
from mattermost_bridge.admin.verbs import Verb
from mattermost_bridge.config.effective_values import chosen
from mattermost_bridge.config.table import OF_CHANNELS
from mattermost_bridge.models import Account, Agent, BridgeDefaults, GroupOverride, KnownChannel
from mattermost_bridge.rules.mentions import EVERY_CHANNEL
from mattermost_bridge.services import group_overrides, rights
from mattermost_bridge.services.audit import Actor

STAR = gettext_lazy("Every other channel (*)")
_CHOSEN = {True: "yes", False: "no", None: ""}
_MEANT = {"yes": True, "no": False}


#: Columns that lists leave out.
LONG = ("account__bot_token", "account__pairing_text", "agent__api_key", "agent__instructions")
#: What can change of a setting that exists.
SAYS = ("off", "require_mention", "chatmode", "reply_to_mode", "agent", "instructions")


class MentionFilter(QuestionFilter):
    """Whether a mention is needed."""

    title = gettext_lazy("mention")
    parameter_name = "mention"
    quick = True

    def questions(self) -> dict[str, tuple[Any, Q]]:
        """Where a bot answers every post comes first."""
        return {
            "no": (gettext_lazy("No mention needed"), Q(require_mention=False)),
            "yes": (gettext_lazy("Mention needed"), Q(require_mention=True)),
            "open": (gettext_lazy("Left open"), Q(require_mention=None)),
            "off": (gettext_lazy("Off"), Q(off=True)),
            "every": (gettext_lazy("Every other channel (*)"), Q(channel_id=EVERY_CHANNEL)),
        }


class GroupOverrideForm(ServiceForm):
    """Adding the setting of a channel; of one that exists only the setting and its reason can change."""

    require_mention = forms.TypedChoiceField(
        label=gettext_lazy("Mention needed"),
        required=False,
        coerce=_MEANT.__getitem__,
        empty_value=None,
        widget=UnfoldAdminSelectWidget,
        help_text=gettext_lazy(
            "Whether the bot answers only posts that mention it. Who may ask it at all is decided by the channel "
            "policy and its list."
        ),
    )

    class Meta:
        model = GroupOverride
        fields = ("account", "channel_id", *SAYS, "note")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "require_mention" in self.fields:
            choices = [("", inherited(self.instance)), ("yes", _("Yes: only posts that mention it"))]
            self.fields["require_mention"].choices = [*choices, ("no", _("No: every post of who may ask it"))]  # type: ignore[attr-defined]
            self.initial["require_mention"] = _CHOSEN[self.instance.require_mention]
        for name in ("chatmode", "reply_to_mode"):
            if name in self.fields:
                field: Any = self.fields[name]
                field.choices = [("", _("As for the account")), *((key, words) for key, words in field.choices if key)]
        if "agent" in self.fields:
            agents = rights.visible_to(self.person, Agent.objects.defer("api_key"))
            offer(self.fields["agent"], agents, _("As for the account"))
        if "account" in self.fields:
            offer_accounts(self, _("The defaults"))
            let_search(self, "channel_id", CHANNELS, self._shown)
            self.fields["channel_id"].help_text = _(
                "Type the channel's name and choose it, or enter its id. * means every channel without its own setting."
            )

    def _shown(self, channel_id: str) -> str:
        name = known_channel_name(channel_id, None)
        return f"~{name}" if name else ""

    def clean(self) -> dict[str, Any]:
        """What is wrong with a value is said at its field."""
        cleaned = super().clean()
        check(self, OF_CHANNELS)
        return cleaned

    def _get_validation_exclusions(self) -> set[str]:
        # Without this field no constraint is looked at: the service says in a sentence what is there twice.
        return {*super()._get_validation_exclusions(), "channel_id"}  # type: ignore[misc]


VERBS = (
    Verb(
        "remove",
        gettext_lazy("Remove"),
        ngettext_lazy("%d channel setting removed.", "%d channel settings removed."),
        lambda actor, pk: group_overrides.remove(pk, actor=actor),
        "delete_groupoverride",
        ask=gettext_lazy(
            "In these channels holds then what the setting for every other channel (*) says, or else that a mention is "
            "needed. The account keeps having channel settings of its own, also when this was the last one."
        ),
        look="danger",
    ),
)


@admin.register(GroupOverride)
class GroupOverrideAdmin(SearchesDirectory, BackToItsTab, SavedByService, BridgeAdmin):
    """Channel settings of accounts and of the defaults."""

    form = GroupOverrideForm
    verbs = VERBS
    searched = {"channel_id": CHANNELS}
    tab = "channels"
    has_history = True
    list_display = ("channel", "account_name", "mention", "more", "added", "note")
    list_filter = (MentionFilter, AccountFilter)
    search_fields = ("channel_name", "channel_id", "note")
    ordering = ("-id",)
    sortable_by = ()
    empty_title = gettext_lazy("No channel settings")
    empty_text = gettext_lazy(
        "In channels a bot answers only posts that mention it. Add a setting for a channel in which it should answer "
        "every post of those who may ask it."
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """With who added each, and for which account."""
        return super().get_queryset(request).select_related("account", "added_by", "agent").defer(*LONG)

    def prepare(self, request: HttpRequest, rows: list[Any]) -> None:
        """The names of channels that came from a file, and what settings that are left open fall back to."""
        nameless = [row.channel_id for row in rows if not row.channel_name and row.channel_id != EVERY_CHANNEL]
        names = dict(_known(nameless)) if nameless else {}
        star = GroupOverride.objects.filter(channel_id=EVERY_CHANNEL).exclude(require_mention=None)
        of_all = dict(star.values_list("account_id", "require_mention"))
        defaults = BridgeDefaults.objects.defer("key_check").filter(pk=1).first() or BridgeDefaults(pk=1)
        for row in rows:
            row.known_name = row.channel_name or names.get(row.channel_id, "")
            row.of_all = of_all.get(row.account_id)
            row.of_account = by_chatmode(row.account, defaults)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[tuple[Any, dict[str, Any]]]:
        """Where, what and why; a setting that exists also says who made it."""
        if obj is None:
            return [(None, {"fields": GroupOverrideForm.Meta.fields})]
        return [(None, {"fields": ("account_name", "added", *SAYS, "note")})]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Another channel is another setting."""
        return () if obj is None else ("account_name", "added")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:  # noqa: FBT001, FBT002 - Django's
        """The form, of the setting and its reason only once it exists."""
        kwargs["fields"] = (*SAYS, "note") if obj else GroupOverrideForm.Meta.fields
        return super().get_form(request, obj, change=change, **kwargs)

    def extra_hits(self, request: HttpRequest, query: str) -> list[Hit]:
        """Every other channel stands first, until something else is typed."""
        shown = query in ("", EVERY_CHANNEL) or str(STAR).lower().startswith(query.lower())
        return [Hit(EVERY_CHANNEL, str(STAR), _("channels without a setting of their own"))] if shown else []

    def save_by_service(self, request: HttpRequest, actor: Actor, record: Any, form: Any, *, change: bool) -> Model:
        """Add the setting, or change it."""
        data = form.cleaned_data
        if change:
            says = {name: data[name] for name in (*SAYS, "note")}
            return group_overrides.change(record.pk, actor=actor, **says)
        channel_id = group_overrides.check_channel(data["channel_id"])
        name = known_channel_name(channel_id, data["account"].pk if data["account"] else None)
        record.channel_name = name
        return group_overrides.add(actor=actor, channel_name=name, **data)

    def summary(self, request: HttpRequest, record: GroupOverride) -> dict[str, Any]:
        """What holds in the channel now."""
        self.prepare(request, [record])
        return {"badges": [self.mention(record)], "title": _title(record)}

    @display(description=gettext_lazy("channel"))
    def channel(self, record: GroupOverride) -> SafeString:
        """The channel by its name."""
        if record.channel_id == EVERY_CHANNEL:
            return looks.badge(STAR, "idle")
        return looks.channel(record.channel_id, name=record.known_name)  # type: ignore[attr-defined]

    @display(description=gettext_lazy("account"))
    def account_name(self, record: GroupOverride) -> SafeString:
        """Whose setting."""
        return looks.account(record.account, _("the defaults"))

    @display(description=gettext_lazy("mention"))
    def mention(self, record: GroupOverride) -> SafeString:
        """Whether a mention is needed; one that is left open says what holds."""
        if record.off:
            return looks.badge(_("Off"), "warning", _("The bot keeps silent in this channel."))
        if record.chatmode and record.require_mention is None:
            return _badge(needed=record.chatmode != "onmessage")
        if record.require_mention is not None:
            return _badge(needed=record.require_mention)
        of_all = record.of_all if record.channel_id != EVERY_CHANNEL else None  # type: ignore[attr-defined]
        needed, source = record.of_account  # type: ignore[attr-defined]
        if of_all is not None:
            needed, source = of_all, _("as for every other channel")
        badge = _badge(needed=needed)
        return format_html('{}<span class="du-under">{}</span>', badge, _("left open: %s") % source)

    @display(description=gettext_lazy("different there"))
    def more(self, record: GroupOverride) -> SafeString:
        """What else the setting says."""
        return looks.passage(", ".join(_more(record)), 80)

    @display(description=gettext_lazy("added"))
    def added(self, record: GroupOverride) -> SafeString:
        """By whom, and when."""
        return looks.by_whom(record.added_by.get_username() if record.added_by else "", record.added_at)


def _more(record: GroupOverride) -> list[str]:
    said = [record.get_chatmode_display()] if record.chatmode else []
    if record.reply_to_mode:
        said.append(record.get_reply_to_mode_display())
    if record.agent:
        said.append(_("Agent: %s") % record.agent)
    if record.instructions:
        said.append(_("Extra instructions"))
    return [str(one) for one in said]


def inherited(record: GroupOverride) -> str:
    """The words of "left open": what holds then, and where that is said."""
    if record.pk is None:
        return _("Left open: what * says, or else the chat mode")
    if record.channel_id != EVERY_CHANNEL:
        star = GroupOverride.objects.filter(account=record.account_id, channel_id=EVERY_CHANNEL)
        of_all = star.values_list("require_mention", flat=True).first()
        if of_all is not None:
            return _("Left open: %s (every other channel)") % (_("yes") if of_all else _("no"))
    defaults = BridgeDefaults.objects.defer("key_check").filter(pk=1).first() or BridgeDefaults(pk=1)
    needed, source = by_chatmode(record.account, defaults)
    return _("Left open: %(answer)s (%(source)s)") % {"answer": _("yes") if needed else _("no"), "source": source}


def by_chatmode(account: Account | None, defaults: BridgeDefaults) -> tuple[bool, str]:
    """Whether a mention is needed where no channel setting says it, and where that is said, in words."""
    values = chosen(account or Account(), defaults, only=("chatmode", "require_mention"))
    (chatmode, source), (required, source_of_flag) = values["chatmode"], values["require_mention"]
    needed = chatmode != "onmessage" if chatmode else required is not False
    said_by = source if chatmode else source_of_flag
    return needed, str(SOURCES.get(said_by, _("the account")))


def known_channel_name(channel_id: str, account_pk: int | None) -> str:
    """What people call a channel, when it was ever seen: by the account, or by any of them; else ""."""
    if not channel_id or channel_id == EVERY_CHANNEL:
        return ""
    return next((name for _id, name in _known([channel_id], account_pk)), "")


def _known(channel_ids: list[str], account_pk: int | None = None) -> list[tuple[str, str]]:
    # By account, so that the index on account and channel serves.
    accounts = [account_pk] if account_pk else list(Account.objects.values_list("pk", flat=True))
    rows = KnownChannel.objects.filter(account__in=accounts, channel_id__in=channel_ids)
    found = rows.values_list("channel_id", "display_name", "name")
    return [(channel_id, shown or name) for channel_id, shown, name in found if shown or name]


def _title(record: GroupOverride) -> str:
    name = record.known_name  # type: ignore[attr-defined]
    return f"~{name}" if name else str(record)


def _badge(*, needed: bool) -> SafeString:
    return looks.badge(_("Mention needed"), "idle") if needed else looks.badge(_("No mention needed"), "good")
