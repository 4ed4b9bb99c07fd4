"""*Try a message*: what would become of a message that nobody sends, with every check, also under settings that are not
saved. Nothing is kept and nobody is written to, so whoever may look at an account may try."""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from mattermost_bridge.admin import looks, trail
from mattermost_bridge.admin.finding import resolve_channel, resolve_person
from mattermost_bridge.admin.names import Names, known_username
from mattermost_bridge.admin.rehearsal_form import AccountSwitch, RehearsalForm
from mattermost_bridge.admin.searching import CHANNELS, PEOPLE, SearchWidget, found_by_name
from mattermost_bridge.admin.tabs import tab_of
from mattermost_bridge.admin.trail_places import Places
from mattermost_bridge.config.effective import settings_for
from mattermost_bridge.models import Account, InboundEvent, KnownChannel
from mattermost_bridge.models.states import EventKind, EventOutcome, EventState
from mattermost_bridge.rules.reasons import REASONS
from mattermost_bridge.rules.types import Decision, Outcome
from mattermost_bridge.services import rights
from mattermost_bridge.services.errors import Refused
from mattermost_bridge.services.rehearsal import rehearse

URL_NAME = "mattermost_bridge_account_rehearse"
#: Kinds of events that are messages of people.
MESSAGES = (EventKind.POST, EventKind.EDIT)


def address_for(account: Account, event: InboundEvent | None = None) -> str:
    """The page's address; with an event it begins with what that says."""
    query = f"?{urlencode({'event': event.pk})}" if event else ""
    return reverse(f"admin:{URL_NAME}", args=[account.pk]) + query


class TriesMessages:
    """For the accounts' ModelAdmin: the page, for whoever may look at the account."""

    admin_site: Any
    opts: Any

    def get_urls(self) -> list[URLPattern]:
        """The page, the choice of an account, and the two searches."""
        view = self.admin_site.admin_view
        own = [
            path("rehearse/", view(require_safe(self.choose_view)), name=f"{URL_NAME}_any"),
            path("<int:pk>/rehearse/", view(require_http_methods(["GET", "POST"])(self.rehearse_view)), name=URL_NAME),
            *(
                path(
                    f"<int:pk>/rehearse/find-{kind}/",
                    view(require_safe(partial(self.search_view, kind=kind))),
                    name=f"{URL_NAME}_{kind}",
                )
                for kind in (PEOPLE, CHANNELS)
            ),
        ]
        return [*own, *super().get_urls()]  # type: ignore[misc]

    def choose_view(self, request: HttpRequest) -> HttpResponse:
        """On to the account that was chosen, else to the first."""
        if not self.has_view_permission(request):  # type: ignore[attr-defined]
            raise PermissionDenied
        rows = _accounts(request)
        wanted = request.GET.get("account", "")
        account = rows.filter(pk=int(wanted)).first() if wanted.isdecimal() else rows.first()
        return HttpResponseRedirect(address_for(account) if account else looks.list_of(Account))

    def search_view(self, request: HttpRequest, pk: int, kind: str) -> HttpResponse:
        """People or channels of the account's server by name."""
        account = self._account(request, pk)
        return found_by_name(request, kind, account.pk, request.GET.get("q", "").strip())

    def rehearse_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The form; once it is sent, what would become of the message."""
        account = self._account(request, pk)
        policy = settings_for(account.pk).policy
        decision, user_id = None, ""
        if request.method == "POST":
            form = _searching(RehearsalForm(policy, data=request.POST), account)
            if form.is_valid():
                decision, user_id = _rehearse(account, form)
        else:
            form = _searching(RehearsalForm(policy, initial=_given(request, account)), account)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Try a message"),
            "original": account,
            "account": account,
            "switch": AccountSwitch(_accounts(request), account),
            "choose": reverse(f"admin:{URL_NAME}_any"),
            "overview": tab_of(account),
            "form": form,
            "changed": [form[name].label for name in form.changed] if decision else [],
            **(_shown(request, account, decision, user_id) if decision else {}),
        }
        return TemplateResponse(request, "admin/durar/rehearse.html", context)

    def _account(self, request: HttpRequest, pk: int) -> Account:
        account: Account | None = self.get_object(request, str(pk))  # type: ignore[attr-defined]
        if not self.has_view_permission(request, account):  # type: ignore[attr-defined]
            raise PermissionDenied
        if account is None:
            raise Http404
        return account


def _accounts(request: HttpRequest) -> Any:
    rows = rights.accounts_visible_to(request.user).filter(archived_at=None)
    return rows.defer("bot_token").order_by("account_id")


def _searching(form: RehearsalForm, account: Account) -> RehearsalForm:
    """Give the form the fields that find people and channels of this account by name."""

    def person(user_id: str) -> str:
        name = known_username(user_id, account.pk)
        return f"@{name}" if name else ""

    def channel(channel_id: str) -> str:
        known = KnownChannel.objects.filter(account=account, channel_id=channel_id).first()
        return f"~{known.display_name or known.name}" if known and (known.display_name or known.name) else ""

    for name, kind, shown in (("person", PEOPLE, person), ("channel", CHANNELS, channel)):
        field = form.fields[name]
        address = reverse(f"admin:{URL_NAME}_{kind}", args=[account.pk])
        widget = SearchWidget(kind, address, shown=shown)
        widget.is_required = field.required
        widget.attrs |= field.widget_attrs(widget)
        field.widget = widget
    return form


def _given(request: HttpRequest, account: Account) -> dict[str, Any]:
    """What the form begins with: what an event said, or what stands in the address."""
    wanted = request.GET.get("event", "")
    if not wanted.isdecimal() or not rights.may(request.user, "view_inboundevent"):
        return {name: request.GET[name] for name in ("person", "channel", "thread") if name in request.GET}
    event = rights.visible_to(request.user, InboundEvent.objects.filter(account=account, pk=int(wanted))).first()
    if event is None:
        raise Http404
    return {
        "person": event.user_id,
        "channel": "" if event.channel_type == "D" else event.channel_id,
        "text": event.text,
        "thread": event.root_id,
        "has_files": bool(event.payload.get("file_ids")),
    }


def _rehearse(account: Account, form: RehearsalForm) -> tuple[Decision | None, str]:
    """The decision and the person's id; what cannot be found becomes an error of the form."""
    data = form.cleaned_data
    ids = {"person": data["person"].strip(), "channel": data["channel"].strip()}
    for name, resolve in (("person", resolve_person), ("channel", resolve_channel)):
        if not ids[name]:
            continue
        try:
            ids[name] = resolve(account.pk, ids[name])
        except Refused as refused:
            form.add_error(name, str(refused))
            return None, ""
    decision = rehearse(
        account.pk,
        person=ids["person"],
        channel=ids["channel"],
        text=data["text"],
        thread=data["thread"],
        overrides=form.overrides(ids["person"], ids["channel"]),
        has_files=data["has_files"],
    )
    return decision, ids["person"]


def _shown(request: HttpRequest, account: Account, decision: Decision, user_id: str) -> dict[str, Any]:
    reason = REASONS[decision.reason]
    places, checks = Places(request.user, account, user_id), trail.rows_of(decision.trail)
    if decision.outcome is Outcome.WAITING:
        badge = looks.state(EventState, EventState.WAITING)
    else:
        badge = looks.state(EventOutcome, decision.outcome)
    return {
        "summary": {
            "badges": [badge],
            "title": _(reason.label),
            "sentence": _(reason.sentence),
            "remedy": _(reason.remedy) if reason.remedy else "",
            "links": trail.remedies(reason, checks, places),
        },
        "who": Names({account.pk}, (), {user_id}).person(account.pk, user_id),
        "trail": trail.shown(checks, places),
    }
