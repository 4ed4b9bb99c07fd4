"""Alert targets: where alerts go, of which kinds and for which accounts, and *Send a test*."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy
from unfold.decorators import display

from mattermost_bridge.admin import looks
from mattermost_bridge.admin.alert_target_form import CHANGED, AlertTargetForm, tested
from mattermost_bridge.admin.asking import one_at_a_time
from mattermost_bridge.admin.base import BridgeAdmin, PreparedPage, SavedByService
from mattermost_bridge.admin.names import Names
from mattermost_bridge.admin.verbs import Verb
from mattermost_bridge.models import AlertNotice, AlertTarget
from mattermost_bridge.models.states import AlertKind, AlertTargetKind, AlertTargetState
from mattermost_bridge.services import alert_targets
from mattermost_bridge.services.alert_notices import addresses
from mattermost_bridge.services.alert_transports import NO_MAIL_SERVER
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.errors import Refused

NEW_SECRET = "new_secret"  # noqa: S105 - the name of a verb


def _kind_is(kind: str) -> Any:
    return lambda target: target.kind == kind


VERBS = (
    Verb(
        "switch_on",
        gettext_lazy("Switch on"),
        ngettext_lazy("%d target switched on.", "%d targets switched on."),
        lambda actor, pk: alert_targets.switch(pk, actor=actor, on=True),
        "change_alerttarget",
        fits=lambda target: not target.enabled,
    ),
    Verb(
        "switch_off",
        gettext_lazy("Switch off"),
        ngettext_lazy("%d target switched off.", "%d targets switched off."),
        lambda actor, pk: alert_targets.switch(pk, actor=actor, on=False),
        "change_alerttarget",
        ask=gettext_lazy("Nothing is sent there until it is switched on again; what waits is called off."),
        fits=lambda target: target.enabled,
    ),
    Verb(
        NEW_SECRET,
        gettext_lazy("New signing secret"),
        ngettext_lazy("%d secret made.", "%d secrets made."),
        lambda actor, pk: alert_targets.new_secret(pk, actor=actor),
        "change_alerttarget",
        ask=gettext_lazy(
            "The receiver has to be given the new secret, which is shown once; until then it cannot check what it gets."
        ),
        in_row=False,
        in_bulk=False,
        fits=_kind_is(AlertTargetKind.WEBHOOK),
    ),
    Verb(
        "remove",
        gettext_lazy("Remove"),
        ngettext_lazy("%d target removed.", "%d targets removed."),
        lambda actor, pk: alert_targets.remove(pk, actor=actor),
        "delete_alerttarget",
        ask=gettext_lazy("Nothing is sent there any more. What was sent stays on record. This cannot be undone."),
        look="danger",
        in_row=False,
    ),
)


@admin.register(AlertTarget)
class AlertTargetAdmin(PreparedPage, SavedByService, BridgeAdmin):
    """Alert targets."""

    form = AlertTargetForm
    verbs = VERBS
    has_history = True
    list_display = ("name", "way", "where", "kinds_shown", "accounts_shown", "state_shown", "last_sent")
    ordering = ("name",)
    sortable_by = ("name",)
    search_fields = ("name",)
    readonly_fields = ("where", "kinds_shown", "accounts_shown")
    empty_title = gettext_lazy("Nobody is told of alerts yet")
    empty_text = gettext_lazy(
        "Alerts stand in this panel in any case. Add a target, and they also go to a webhook, by e-mail or to a "
        "Mattermost channel, once each, and once more when it is over."
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Without secrets: a list must not decrypt them."""
        rows = super().get_queryset(request).select_related("account")
        return rows.defer("url", "signing_secret", "account__bot_token")

    def prepare(self, request: HttpRequest, rows: list[Any]) -> None:
        """Names of channels and accounts."""
        posting = {row.account_id for row in rows if row.account_id}
        names = Names(posting, {row.channel_id for row in rows})
        pairs = AlertTarget.accounts.through.objects.filter(alerttarget__in=[row.pk for row in rows])
        chosen: dict[int, list[str]] = {}
        for target_pk, account_id in pairs.order_by("account__account_id").values_list(
            "alerttarget_id", "account__account_id"
        ):
            chosen.setdefault(target_pk, []).append(account_id)
        for row in rows:
            row.names, row.chosen_ids = names, chosen.get(row.pk, [])

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[tuple[Any, dict[str, Any]]]:
        """What every target has, then what its way needs."""
        may_write = self.has_add_permission(request) if obj is None else self.has_change_permission(request, obj)
        if not may_write:
            shown = ("name", "kind", "where", "kinds_shown", "accounts_shown", "tells_recovery")
            return [(None, {"fields": shown})]
        return [
            (None, {"fields": ("name", "kind", "enabled")}),
            (
                gettext_lazy("Webhook"),
                {
                    "fields": ("webhook_url",),
                    "description": gettext_lazy("For webhooks: each alert is a signed POST of JSON."),
                },
            ),
            (
                gettext_lazy("E-mail"),
                {"fields": ("emails",), "description": gettext_lazy("For e-mail: what waits goes out as one message.")},
            ),
            (
                gettext_lazy("Mattermost channel"),
                {
                    "fields": ("account", "channel_id"),
                    "description": gettext_lazy(
                        "For channels: the bot must be in the channel. While its account is in trouble, alerts wait."
                    ),
                },
            ),
            (gettext_lazy("Of what"), {"fields": ("which", "tells_recovery", "all_accounts", "chosen")}),
            (gettext_lazy("Send a test"), {"fields": ("test",)}),
        ]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:  # noqa: FBT001, FBT002 - Django's
        """The form. Its declared fields are no model fields, so Django is told only of the others."""
        kwargs["fields"] = list(CHANGED)
        return super().get_form(request, obj, change=change, **kwargs)

    def save_by_service(self, request: HttpRequest, actor: Actor, record: Any, form: Any, *, change: bool) -> Model:
        """Add or change the target."""
        data = form.cleaned_data
        values = {name: data[name] for name in CHANGED} | {"kinds": data["which"]}
        accounts = [account.pk for account in data["chosen"]]
        if change:
            saved = alert_targets.update(record.pk, actor=actor, url=data["webhook_url"], accounts=accounts, **values)
        else:
            saved = alert_targets.create(actor=actor, url=data["webhook_url"], accounts=accounts, **values)
        request.new_signing_secret = saved.new_secret  # type: ignore[attr-defined]
        return saved.target

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> HttpResponse:
        """Where Django goes, or the page that shows the new secret once."""
        return self._secret_made(request, obj) or super().response_add(request, obj, post_url_continue)

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        """Where Django goes, or the page that shows the new secret once."""
        return self._secret_made(request, obj) or super().response_change(request, obj)

    def _secret_made(self, request: HttpRequest, target: AlertTarget) -> HttpResponse | None:
        secret = getattr(request, "new_signing_secret", "")
        return self._show_once(request, target, secret) if secret else None

    def _show_once(self, request: HttpRequest, target: AlertTarget, secret: str) -> HttpResponse:
        """The page that shows a signing secret: in this answer only, and in no store."""
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Signing secret"),
            "target": target,
            "secret": secret,
            "page": looks.page_of(target),
        }
        response = TemplateResponse(request, "admin/durar/signing_secret.html", context)
        response["Cache-Control"] = "no-store"
        return response

    def verb_view(self, request: HttpRequest, pk: int, name: str) -> HttpResponse:
        """As for every verb, but a new secret is shown instead of being told of."""
        if name != NEW_SECRET or request.method != "POST" or "confirmed" not in request.POST:
            return super().verb_view(request, pk, name)
        target = self.get_queryset(request).filter(pk=pk).first()
        if NEW_SECRET not in {verb.name for verb in self.verbs_for(request)}:
            raise PermissionDenied
        if target is None:
            raise Http404
        if not self.has_change_permission(request, target):
            raise PermissionDenied
        try:
            saved = alert_targets.new_secret(pk, actor=Actor.of(request.user))  # type: ignore[arg-type]
        except Refused as refused:
            messages.error(request, str(refused))
            return HttpResponseRedirect(looks.page_of(target))
        return self._show_once(request, saved.target, saved.new_secret)

    def summary(self, request: HttpRequest, record: AlertTarget) -> dict[str, Any]:
        """Whether it works, and since when not."""
        warnings = [NO_MAIL_SERVER] if record.kind == AlertTargetKind.EMAIL and not settings.MAIL_CONFIGURED else []
        facts: list[tuple[Any, Any]] = [(_("Where"), self.where(record)), (_("Last sent"), self.last_sent(record))]
        if record.last_error_at:
            facts.append((_("Failed"), looks.moment(record.last_error_at)))
        if record.kind == AlertTargetKind.WEBHOOK:
            facts.append((_("Signing secret set"), looks.moment(record.secret_set_at)))
        return {
            "badges": [self.state_shown(record)],
            "sentence": record.last_error if record.enabled else "",
            "warnings": warnings,
            "links": [(looks.list_of(AlertNotice, f"target={record.pk}"), _("What it was told"))],
            "facts": facts,
        }

    def get_urls(self) -> list[URLPattern]:
        """Django's addresses, and those of *Send a test*."""
        view = self.admin_site.admin_view(self.test_view)
        return [
            path("test/", view, name="mattermost_bridge_alerttarget_test"),
            path("<int:object_id>/test/", view, name="mattermost_bridge_alerttarget_test_one"),
            *super().get_urls(),
        ]

    def test_view(self, request: HttpRequest, object_id: int | None = None) -> HttpResponse:
        """*Send a test* with what the form says now; where it went, or why not."""
        target = None
        if object_id is None:
            if not self.has_add_permission(request):
                raise PermissionDenied
        else:
            target = self.get_object(request, str(object_id))
            if target is None:
                raise Http404
            if not self.has_change_permission(request, target):
                raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        return one_at_a_time(request, lambda: tested(request, target))

    @display(description=gettext_lazy("way"))
    def way(self, record: AlertTarget) -> str:
        """Webhook, e-mail or channel."""
        return record.get_kind_display()

    @display(description=gettext_lazy("where"))
    def where(self, record: AlertTarget) -> SafeString | str:
        """The host, the addresses, or the channel and who posts there."""
        if record.kind == AlertTargetKind.WEBHOOK:
            return looks.host(record.url_host)
        if record.kind == AlertTargetKind.EMAIL:
            return looks.passage(", ".join(addresses(record.emails)), 60)
        if record.account is None:
            return looks.NOTHING
        channel = record.names.channel(record.account_id, record.channel_id)  # type: ignore[attr-defined]
        return format_html_join(" · ", "{}", ((channel,), (looks.account(record.account),)))

    @display(description=gettext_lazy("told of"))
    def kinds_shown(self, record: AlertTarget) -> str:
        """Which kinds of alert."""
        if set(record.kinds) >= set(AlertKind.values):
            return _("everything")
        return ", ".join(str(AlertKind(kind).label) for kind in record.kinds if kind in AlertKind.values)

    @display(description=gettext_lazy("accounts"))
    def accounts_shown(self, record: AlertTarget) -> SafeString | str:
        """For which accounts."""
        return _("all accounts") if record.all_accounts else looks.passage(", ".join(record.chosen_ids), 60)  # type: ignore[attr-defined]

    @display(description=gettext_lazy("state"))
    def state_shown(self, record: AlertTarget) -> SafeString:
        """Whether it works; the error on hover."""
        return looks.state(AlertTargetState, record.state, record.last_error[:300])

    @display(description=gettext_lazy("last sent"))
    def last_sent(self, record: AlertTarget) -> SafeString:
        """When something reached it."""
        return looks.moment(record.last_sent_at)
