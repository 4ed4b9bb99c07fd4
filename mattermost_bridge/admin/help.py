"""*Help*: the pages of docs/ in the panel, for everybody who is signed in. They say nothing about this installation."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from django.conf import settings
from django.contrib.admin import AdminSite
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

FOLDER = Path(settings.BASE_DIR) / "docs"
#: In the order of the list; pages that are not named here come behind, by their titles.
ORDER = (
    *(
        "channels",
        "pairing",
        "groups",
        "routing",
        "sending",
        "buttons",
        "commands",
        "configuration",
        "security",
        "operations",
    ),
    "troubleshooting",
)
#: The page that explains a kind of record, by its model.
OF_MODELS = {
    "account": "channels",
    "accessentry": "groups",
    "accessgroup": "groups",
    "agent": "routing",
    "alert": "operations",
    "alerttarget": "operations",
    "auditentry": "security",
    "binding": "routing",
    "blockeduser": "pairing",
    "bridgedefaults": "configuration",
    "conversation": "routing",
    "delivery": "sending",
    "directchannel": "sending",
    "groupoverride": "groups",
    "inboundevent": "channels",
    "pairingrequest": "pairing",
    "scheduledmessage": "sending",
    "sendkey": "sending",
    "skill": "commands",
    "user": "security",
}
#: About Durar's code and not about running it.
LEFT_OUT = frozenset({"contributing"})
_PAGE = re.compile(r"(?P<name>[a-z][a-z-]*)\.md(?P<anchor>#.*)?")
_NO_SLUG = re.compile(r"[^\w\- ]")


class Page(NamedTuple):
    """A page: its name in the address, its title, its text in HTML, and its parts, each with its anchor."""

    name: str
    title: str
    html: SafeString
    parts: tuple[tuple[str, str], ...]


def address_of(name: str) -> str:
    """The address of a page."""
    return reverse("admin:help_page", args=[name])


def names() -> list[str]:
    """The names of all pages, in the order of the list."""
    found = {file.stem for file in FOLDER.glob("*.md")} - LEFT_OUT
    known = [name for name in ORDER if name in found]
    return [*known, *sorted(found - set(known))]


def page(name: str) -> Page:
    """A page by its name. Raises KeyError when there is none."""
    if name not in names():
        raise KeyError(name)
    file = FOLDER / f"{name}.md"
    return _rendered(name, file, file.stat().st_mtime_ns)


@lru_cache(maxsize=32)
def _rendered(name: str, file: Path, _changed: int) -> Page:
    # Raw HTML is shown as text: what the pages need is Markdown.
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = markdown.parse(_without_comments(file.read_text(encoding="utf-8")))
    title, parts = name, []
    for index, token in enumerate(tokens):
        if token.type == "heading_open":
            words = tokens[index + 1].content
            if token.tag == "h1":
                title = words
            elif token.tag == "h2":
                parts.append((words.replace("`", ""), slug(words)))
            token.attrSet("id", slug(words))
        elif token.type == "inline":
            _point_at_pages(token)
    html = markdown.renderer.render(tokens, markdown.options, {})
    # Tables scroll by themselves on a narrow screen.
    html = html.replace("<table>", '<div class="du-help-table" tabindex="0" role="region" aria-label="Table"><table>')
    html = html.replace("</table>", "</table></div>").replace("<pre>", '<pre tabindex="0">')
    return Page(name, title, mark_safe(html), tuple(parts))  # noqa: S308 - made from our own files, without raw HTML


def slug(words: str) -> str:
    """The anchor of a heading, as GitHub makes it."""
    return _NO_SLUG.sub("", words.lower()).replace(" ", "-")


def _without_comments(text: str) -> str:
    return re.sub(r"<!--.*?-->\n?", "", text, flags=re.DOTALL)


def _point_at_pages(inline: Token) -> None:
    """Let links to other files of docs/ lead to their pages here."""
    for token in inline.children or ():
        if token.type != "link_open":
            continue
        target = str(token.attrGet("href") or "")
        found = _PAGE.fullmatch(target)
        if found and found["name"] not in LEFT_OUT:
            token.attrSet("href", address_of(found["name"]) + (found["anchor"] or ""))


def urls(site: AdminSite) -> list[URLPattern]:
    """The list of pages, and each page."""

    def shown(request: HttpRequest, name: str = "") -> HttpResponse:
        return _page_view(request, site, name)

    view: Any = site.admin_view(require_safe(shown))
    return [path("help/", view, name="help"), path("help/<slug:name>/", view, name="help_page")]


def _page_view(request: HttpRequest, site: AdminSite, name: str) -> HttpResponse:
    pages = [page(each) for each in names()]
    current = next((one for one in pages if one.name == name), None)
    if name and current is None:
        raise Http404
    context = {
        **site.each_context(request),
        "title": current.title if current else _("Help"),
        "pages": [
            {"title": one.title, "link": address_of(one.name), "current": one.name == name, "parts": one.parts}
            for one in pages
        ],
        "page": current,
    }
    return TemplateResponse(request, "admin/durar/help.html", context)
