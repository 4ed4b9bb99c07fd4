"""What the panel's templates ask for: only what a template cannot be handed by its view."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.translation import gettext as _

from mattermost_bridge.live.concerns import OVERVIEW, concerns

register = template.Library()


@register.simple_tag
def quick_questions(cl: Any) -> list[dict[str, Any]]:
    """The choices of the list's first filter that answers an operator's questions, as links."""
    for spec in cl.filter_specs:
        if getattr(spec, "quick", False):
            return list(spec.choices(cl))
    return []


@register.simple_tag
def empty_state(cl: Any) -> dict[str, Any]:
    """What a list without rows says: its kind of record knows, unless a search or a filter left nothing over."""
    model_admin = cl.model_admin
    title = getattr(model_admin, "empty_title", "") or _("Nothing here yet")
    chosen = cl.has_active_filters or cl.query
    links = getattr(model_admin, "empty_links", None)
    return {
        "filtered": bool(chosen),
        "title": title,
        "text": getattr(model_admin, "empty_text", ""),
        "links": links(model_admin.request) if links and not chosen else [],
    }


@register.simple_tag
def help_address(opts: Any) -> str:
    """The page of the help that explains a kind of record; "" when there is none."""
    # Not above: templates are looked for while the panel's modules are still being loaded.
    from mattermost_bridge.admin.help import OF_MODELS, address_of

    name = OF_MODELS.get(str(opts.model_name))
    return address_of(name) if name else ""


@register.simple_tag
def live_kinds(opts: Any = None) -> str:
    """The kinds of changes that concern the pages of a model; without one, those of the first page."""
    return concerns(str(opts.model_name)) if opts else OVERVIEW
