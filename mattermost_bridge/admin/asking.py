"""Buttons of a form that ask a server something before anything is saved: *Test connection* and *Try it*.

The button posts the form as it stands to an address of the panel, and the answer appears beside it. Each person asks
one thing at a time, since every question keeps a thread of the web server waiting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django import forms
from django.core.cache import cache
from django.http import HttpRequest, JsonResponse
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

#: After so many seconds a question that never ended no longer keeps its person from asking another.
LONGEST_QUESTION = 90


class AskButton(forms.Widget):
    """A button that posts its form to `url` and shows the answer beside it."""

    def __init__(self, label: Any, busy: Any) -> None:
        super().__init__()
        self.label, self.busy, self.url = label, busy, ""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        """The button and the place of its answer."""
        context = {"name": name, "label": self.label, "busy": self.busy, "url": self.url}
        return render_to_string("admin/durar/ask_button.html", context)

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        """A button has no value."""
        return True


class AskField(forms.Field):
    """The place of an `AskButton` in a form; it carries no value."""

    def __init__(self, label: Any, busy: Any) -> None:
        super().__init__(required=False, label="", widget=AskButton(label, busy))


def answer(tone: str, title: str, lines: Iterable[str] = ()) -> JsonResponse:
    """An answer as the button shows it."""
    return JsonResponse({"tone": tone, "title": title, "lines": [line for line in lines if line]})


def one_at_a_time(request: HttpRequest, ask: Callable[[], JsonResponse]) -> JsonResponse:
    """Call `ask` unless a question of the same person is being answered right now."""
    key = f"durar-asking-{request.user.pk}"
    if not cache.add(key, 1, LONGEST_QUESTION):
        return answer("warning", _("Another test of yours is still running. Wait for its result."))
    try:
        return ask()
    finally:
        cache.delete(key)
