"""*Send a message*: a form that puts a message to a person or a channel, with files and buttons, into the outbox."""

from __future__ import annotations

import secrets
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages as said
from django.contrib.admin import AdminSite
from django.core.cache import caches
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
)

from mattermost_bridge.admin import looks
from mattermost_bridge.admin.send_fields import ButtonsField, LinesField, ManyFilesField, take_files
from mattermost_bridge.admin.send_target import TargetWidget
from mattermost_bridge.config.table import OF_ACCOUNTS
from mattermost_bridge.models import Account, Delivery, DirectChannel
from mattermost_bridge.models.accounts import RETRY_FIELDS
from mattermost_bridge.models.fields import WrongKeyError
from mattermost_bridge.rules.direct_channels import LIMITS, delays_problem
from mattermost_bridge.services import messages
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.buttons import callback_problem
from mattermost_bridge.services.errors import Refused
from mattermost_bridge.services.rights import accounts_visible_to, may
from mattermost_bridge.services.usable import usable

URL_NAME = "mattermost_bridge_directchannel_send"
FIND_URL_NAME = f"{URL_NAME}_find"
PERMISSION = "add_delivery"
#: One of them a message has to have.
SAYS = ("text", "uploads", "named_files", "buttons")
#: A form that was sent is not sent a second time, by a double press or a reload, for so many seconds.
REMEMBERED = 24 * 60 * 60


def may_send(request: HttpRequest) -> bool:
    """Whether the signed-in person may send messages."""
    return may(request.user, PERMISSION)


def send_link(request: HttpRequest, account_pk: int | None = None, to: str = "") -> list[tuple[str, Any]]:
    """Address and words of the form, filled in as far as given; empty for who may not send."""
    if not may_send(request):
        return []
    query = urlencode({name: value for name, value in (("account", account_pk), ("to", to)) if value})
    return [(reverse(f"admin:{URL_NAME}") + (f"?{query}" if query else ""), _("Send a message"))]


class MessageForm(forms.Form):
    """By which bot, to whom, and what."""

    account = forms.ModelChoiceField(
        Account.objects.none(), label=gettext_lazy("Account"), widget=UnfoldAdminSelectWidget, empty_label=None
    )
    to = forms.CharField(
        label=gettext_lazy("To"),
        max_length=150,
        help_text=gettext_lazy(
            "Type a name and choose, or write @username, #channel (team/channel where several teams have one of that "
            "name), or an id; user: or channel: before an id says which it is."
        ),
    )
    text = forms.CharField(
        label=gettext_lazy("Text"),
        max_length=messages.LONGEST,
        strip=False,
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 6}),
        help_text=gettext_lazy("Markdown, as in Mattermost. The audit log keeps that it was sent, not what it said."),
    )
    uploads = ManyFilesField(
        label=gettext_lazy("Files"),
        required=False,
        help_text=gettext_lazy("Several may be chosen at once. The text becomes the caption of the first post."),
    )
    named_files = LinesField(
        label=gettext_lazy("Files from elsewhere"),
        required=False,
        max_length=20_000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        help_text=gettext_lazy(
            "One a line: an http(s) address, or a path below the folder media of the state directory."
        ),
    )
    buttons = ButtonsField(
        label=gettext_lazy("Buttons"),
        required=False,
        max_length=20_000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3, "placeholder": "Yes | yes | primary"}),
        help_text=gettext_lazy(
            "One a line: its text, then, after a |, what it sends back, and its style: default, primary or danger. The "
            "last two may be left out. One of them can be clicked, once; the agent gets the choice as a message."
        ),
    )
    once = forms.CharField(widget=forms.HiddenInput, max_length=40)

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = accounts_visible_to(request.user).filter(archived_at=None)  # type: ignore[arg-type]
        self.fields["account"].queryset = rows.defer("bot_token").order_by("account_id")  # type: ignore[attr-defined]
        widget = TargetWidget(reverse(f"admin:{FIND_URL_NAME}"))
        widget.is_required = True
        widget.attrs |= self.fields["to"].widget_attrs(widget)
        self.fields["to"].widget = widget
        for name, (least, most) in LIMITS.items():
            self.fields[name] = forms.IntegerField(
                label=capfirst(str(Account._meta.get_field(RETRY_FIELDS[name]).verbose_name)),  # type: ignore[union-attr]
                required=False,
                min_value=least,
                max_value=most,
                widget=UnfoldAdminIntegerFieldWidget,
                help_text=OF_ACCOUNTS[RETRY_FIELDS[name]].help,
            )

    def clean(self) -> dict[str, Any]:
        """A message says something; the first delay is at most the longest, where both are given."""
        cleaned = super().clean() or self.cleaned_data
        says = (cleaned.get("text") or "").strip() or any(cleaned.get(name) for name in SAYS[1:])
        if not says and not any(name in self.errors for name in SAYS):
            self.add_error("text", _("Write a text, or choose a file or buttons."))
        if delays_problem(cleaned.get("initial_delay_ms"), cleaned.get("max_delay_ms")):
            self.add_error("initial_delay_ms", _("The first delay is longer than the longest. Enter a shorter one."))
        return cleaned

    @property
    def message_fields(self) -> list[forms.BoundField]:
        """What a message consists of."""
        return [field for field in self if field.name not in LIMITS]

    @property
    def retry_fields(self) -> list[forms.BoundField]:
        """How the direct channel is opened for this message."""
        return [field for field in self if field.name in LIMITS]

    @property
    def shows_retry(self) -> bool:
        """Whether something was entered there, or is wrong there: then it is not folded away."""
        return any(field.value() not in (None, "") or field.errors for field in self.retry_fields)

    def overrides(self) -> dict[str, int | None]:
        """The values for this call, by the names of `RetryValues`; None where nothing was entered."""
        return {name: self.cleaned_data[name] for name in LIMITS}


def send_view(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """Show the form; on POST send, and say what became of it or why nothing was sent."""
    if not may_send(request):
        raise PermissionDenied
    if request.method == "POST":
        form = MessageForm(request, request.POST, request.FILES)
        if form.is_valid() and (receipt := _sent(request, form)):
            _say(request, receipt)
            if form.cleaned_data["buttons"] and (problem := callback_problem(usable(form.cleaned_data["account"].pk))):
                said.warning(request, problem)
            return HttpResponseRedirect(_next_page(request, receipt))
        if request.FILES:
            form.add_error("uploads", _("Choose the files again: a browser forgets them when a page comes back."))
    else:
        given = {"account": request.GET.get("account"), "to": request.GET.get("to", "")}
        form = MessageForm(request, initial={**given, "once": secrets.token_urlsafe(16)})
    context = {
        **site.each_context(request),
        "opts": DirectChannel._meta,
        "title": _("Send a message"),
        "form": form,
        "has_accounts": form.fields["account"].queryset.exists(),  # type: ignore[attr-defined]
    }
    return TemplateResponse(request, "admin/durar/send.html", context)


def _sent(request: HttpRequest, form: MessageForm) -> messages.Receipt | None:
    """Send what the form says; what is refused becomes an error of the form."""
    account, data = form.cleaned_data["account"], form.cleaned_data
    key = f"durar-sent-{request.user.pk}-{data['once']}"
    # Kept where all web processes see it: the second click may come to another one.
    sent = caches["shared"]
    if not sent.add(key, 1, REMEMBERED):
        form.add_error(None, _("This message was sent already. Open the form anew to send another one."))
        return None
    try:
        target = messages.find(account.pk, data["to"])
        actor = Actor.of(request.user)  # type: ignore[arg-type]
        files = take_files(usable(account.pk), data["uploads"], data["named_files"])
        return messages.send(
            account.pk,
            target,
            data["text"],
            actor=actor,
            overrides=form.overrides(),
            files=files,
            button_rows=data["buttons"],
        )
    except (Refused, WrongKeyError) as problem:
        sent.delete(key)
        form.add_error(None, str(problem))
        return None


def _say(request: HttpRequest, receipt: messages.Receipt) -> None:
    if receipt.waits:
        text = _("The message to %(to)s is in the outbox. It goes out once the direct channel is open.")
    else:
        text = _("The message to %(to)s is in the outbox and goes out now.")
    parts = len(receipt.deliveries)
    more = " " + ngettext("It has %d part.", "It has %d parts.", parts) % parts if parts > 1 else ""
    said.success(request, text % {"to": receipt.target} + more)


def _next_page(request: HttpRequest, receipt: messages.Receipt) -> str:
    """Where to see what becomes of it, as far as the person may look."""
    if may(request.user, "view_delivery"):
        return looks.page_of(Delivery(pk=receipt.deliveries[0]))
    return reverse(f"admin:{URL_NAME}")
