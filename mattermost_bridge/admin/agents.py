"""Agents: who answers, their keys, and *Try it*."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Model, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy
from unfold.decorators import display

from mattermost_bridge.admin import looks
from mattermost_bridge.admin.account_forms import secret_field, where_the_secret_is
from mattermost_bridge.admin.asking import AskField, answer, one_at_a_time
from mattermost_bridge.admin.base import BridgeAdmin, SavedByService, ServiceForm, only_a_reference
from mattermost_bridge.admin.setting_fields import check
from mattermost_bridge.admin.verbs import Verb
from mattermost_bridge.agents.base import BACKENDS
from mattermost_bridge.config.table import OF_AGENTS
from mattermost_bridge.models import Agent, BridgeDefaults
from mattermost_bridge.services import agents, rights
from mattermost_bridge.services.audit import Actor

#: *Try it* keeps a browser and a thread waiting; an agent that needs longer is not tried to its end.
LONGEST_TRIAL = 30
#: So many accounts are named on an agent's page.
MOST_ACCOUNTS = 20
CHANGED = (
    *("name", "backend", "base_url", "model", "instructions", "history_messages", "takes_images", "mention_patterns"),
    "takes_tools",
    "total_time",
)


class AgentForm(ServiceForm):
    """Adding and changing an agent; its key is written and never read."""

    key = secret_field(gettext_lazy("Key"))
    test = AskField(gettext_lazy("Try it"), gettext_lazy("Waiting for the agent…"))

    class Meta:
        model = Agent
        fields = (
            "slug",
            "name",
            "backend",
            "base_url",
            "api_key_ref",
            "model",
            "instructions",
            "history_messages",
            "takes_images",
            "takes_tools",
            "mention_patterns",
            "total_time",
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        agent = self.instance if self.instance.pk else None
        if "key" in self.fields:
            self.fields["key"].help_text = where_the_secret_is(
                agent and agent.api_key_set_at,
                agent.api_key_ref if agent else "",
                _("Local servers often need none."),
            )
        if "base_url" in self.fields:
            self.fields["base_url"].widget.attrs["placeholder"] = "https://api.openai.com/v1"
        if "backend" in self.fields:
            self.fields["backend"].help_text = " ".join(f"{b.label}: {b.description}" for b in BACKENDS.values())
        if agent:
            self.fields["test"].widget.url = reverse("admin:mattermost_bridge_agent_try_one", args=[agent.pk])
        else:
            self.fields["test"].widget.url = reverse("admin:mattermost_bridge_agent_try")

    def clean_api_key_ref(self) -> str:
        """A reference, and nothing else."""
        return only_a_reference(self, "api_key_ref")

    def clean(self) -> dict[str, Any]:
        """A key that is typed replaces the reference that stood in the form."""
        cleaned = super().clean()
        check(self, {"mention_patterns": OF_AGENTS["mention_patterns"]})
        if cleaned.get("key") and not self._reference_is_new(cleaned):
            cleaned["api_key_ref"] = ""
        return cleaned

    def _reference_is_new(self, cleaned: dict[str, Any]) -> bool:
        return cleaned.get("api_key_ref", "") != self.initial.get("api_key_ref", "")

    def secret_changes(self) -> dict[str, str]:
        """What the service is told about the key: nothing when it stays as it is."""
        key, reference = self.cleaned_data.get("key", ""), self.cleaned_data.get("api_key_ref", "")
        if key or self._reference_is_new(self.cleaned_data):
            return {"api_key": key, "api_key_ref": reference}
        return {}


VERBS = (
    Verb(
        "remove",
        gettext_lazy("Remove"),
        ngettext_lazy("%d agent removed.", "%d agents removed."),
        lambda actor, pk: agents.delete(pk, actor=actor),
        "delete_agent",
        ask=gettext_lazy(
            "Accounts that use it have no agent of their own then: what they inherit answers, or messages wait. Past "
            "turns keep their answers. This cannot be undone."
        ),
        look="danger",
        in_row=False,
    ),
)


@admin.register(Agent)
class AgentAdmin(SavedByService, BridgeAdmin):
    """Agents."""

    form = AgentForm
    also_guarded = {"key": "api_key_set_at"}
    verbs = VERBS
    has_history = True
    list_display = ("agent", "backend_name", "model_name", "address", "key_state", "used_by")
    search_fields = ("slug", "name", "model")
    ordering = ("slug",)
    sortable_by = ("agent",)
    empty_title = gettext_lazy("No agents yet")
    empty_text = gettext_lazy(
        "An agent answers what people write to a bot. Add one: echo to try the way, or any server that speaks the "
        "OpenAI chat API."
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Without keys: a list must not decrypt every secret."""
        mine = Q(accounts__in=rights.accounts_visible_to(request.user))
        return super().get_queryset(request).defer("api_key").annotate(account_count=Count("accounts", filter=mine))

    def prepare(self, request: HttpRequest, rows: list[Any]) -> None:
        """Which one the defaults name."""
        default = BridgeDefaults.objects.filter(pk=1).values_list("agent_id", flat=True).first()
        for row in rows:
            row.is_default = row.pk == default

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[tuple[Any, dict[str, Any]]]:
        """What every agent has, what a server needs, and the limits."""
        may_write = self.has_add_permission(request) if obj is None else self.has_change_permission(request, obj)
        server = ("base_url", "key", "api_key_ref", "model") if may_write else ("base_url", "api_key_ref", "model")
        limits = ("history_messages", "takes_images", "takes_tools", "mention_patterns", "total_time")
        return [
            (None, {"fields": ("slug", "name", "backend")}),
            (
                gettext_lazy("Server"),
                {
                    "fields": server,
                    "description": gettext_lazy(
                        "For an OpenAI-compatible server: address and model are needed. Echo needs none of these."
                    ),
                },
            ),
            (gettext_lazy("What it is told"), {"fields": ("instructions", *limits)}),
            *([(gettext_lazy("Try it"), {"fields": ("test",)})] if may_write else []),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Configuration files name an agent by its id."""
        return () if obj is None else ("slug",)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:  # noqa: FBT001, FBT002 - Django's
        """The form. Its declared fields are no model fields, so Django is told only of the others."""
        kwargs["fields"] = [name for name in AgentForm.Meta.fields if obj is None or name != "slug"]
        return super().get_form(request, obj, change=change, **kwargs)

    def save_by_service(self, request: HttpRequest, actor: Actor, record: Any, form: Any, *, change: bool) -> Model:
        """Add or change the agent."""
        values = {name: form.cleaned_data[name] for name in CHANGED}
        secrets = form.secret_changes()
        if change:
            return agents.update(record.pk, actor=actor, **secrets, **values)
        return agents.create(actor=actor, slug=form.cleaned_data["slug"], **secrets, **values)

    def summary(self, request: HttpRequest, record: Agent) -> dict[str, Any]:
        """Who uses it."""
        accounts = rights.accounts_visible_to(request.user).filter(agent=record, archived_at=None).defer("bot_token")
        users = [looks.account(account) for account in accounts[:MOST_ACCOUNTS]]
        if BridgeDefaults.objects.filter(pk=1, agent=record).exists():
            users.insert(0, looks.links((looks.list_of(BridgeDefaults), _("the defaults"))))
        used = format_html_join(", ", "{}", ((user,) for user in users)) if users else _("nobody yet")
        return {"facts": [(_("Used by"), used)]}

    def get_urls(self) -> list[URLPattern]:
        """Django's addresses, and those of *Try it*."""
        view = self.admin_site.admin_view(self.try_view)
        return [
            path("try/", view, name="mattermost_bridge_agent_try"),
            path("<int:object_id>/try/", view, name="mattermost_bridge_agent_try_one"),
            *super().get_urls(),
        ]

    def try_view(self, request: HttpRequest, object_id: int | None = None) -> HttpResponse:
        """*Try it* with what the form says now; shows the answer and its time, or the cause."""
        agent = None
        if object_id is None:
            if not self.has_add_permission(request):
                raise PermissionDenied
        else:
            agent = self.get_object(request, str(object_id))
            if agent is None:
                raise Http404
            if not self.has_change_permission(request, agent):
                raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        return one_at_a_time(request, lambda: _tried(request, agent))

    @display(description=gettext_lazy("agent"), ordering="slug")
    def agent(self, record: Agent) -> SafeString:
        """Name and id."""
        return format_html('{}<span class="du-under">{}</span>', str(record), record.slug if record.name else "")

    @display(description=gettext_lazy("backend"))
    def backend_name(self, record: Agent) -> str:
        """What kind of agent it is."""
        backend = BACKENDS.get(record.backend)
        return backend.label if backend else record.backend

    @display(description=gettext_lazy("model"))
    def model_name(self, record: Agent) -> SafeString:
        """Which model answers."""
        return looks.code(record.model)

    @display(description=gettext_lazy("address"))
    def address(self, record: Agent) -> SafeString:
        """The server."""
        return looks.host(record.base_url)

    @display(description=gettext_lazy("key"))
    def key_state(self, record: Agent) -> SafeString | str:
        """Where the key is, never what it is."""
        if record.api_key_ref:
            return looks.code(record.api_key_ref)
        return looks.moment(record.api_key_set_at) if record.api_key_set_at else looks.NOTHING

    @display(description=gettext_lazy("used by"))
    def used_by(self, record: Agent) -> SafeString | str:
        """How many accounts name it."""
        words = [_("the defaults")] if record.is_default else []  # type: ignore[attr-defined]
        count = record.account_count  # type: ignore[attr-defined]
        if count:
            words.append(ngettext_lazy("%d account", "%d accounts") % count)
        return ", ".join(str(word) for word in words) or looks.NOTHING


class _TrialForm(forms.Form):
    """The two numbers of the form; what is no number is the saved value's, or the field's default."""

    history_messages = forms.IntegerField(required=False, min_value=0, max_value=500)
    total_time = forms.IntegerField(required=False, min_value=1, max_value=3600)


def _tried(request: HttpRequest, agent: Agent | None) -> JsonResponse:
    numbers = _TrialForm(request.POST)
    if not numbers.is_valid():
        lines = [f"{name}: {' '.join(str(one) for one in errors)}" for name, errors in numbers.errors.items()]
        return answer("bad", _("This cannot be tried."), lines)
    fields: dict[str, Any] = {
        name: request.POST[name]
        for name in ("name", "backend", "base_url", "model", "instructions")
        if name in request.POST
    }
    total = numbers.cleaned_data["total_time"] or (agent.total_time if agent else LONGEST_TRIAL)
    fields["total_time"] = min(total, LONGEST_TRIAL)
    key, reference = request.POST.get("key", "").strip(), request.POST.get("api_key_ref", "").strip()
    if agent is not None and reference == agent.api_key_ref:
        reference = ""
    result = agents.try_settings(agent, fields, api_key=key, api_key_ref=reference)
    if not result.ok:
        return answer("bad", _("It gave no answer."), [result.cause])
    took = _("%(seconds).1f s") % {"seconds": result.elapsed_ms / 1000}
    words = [_("Time: %s") % took, _("Model: %s") % result.model if result.model else ""]
    return answer("good", _("It answers."), [result.answer, " · ".join(word for word in words if word)])
