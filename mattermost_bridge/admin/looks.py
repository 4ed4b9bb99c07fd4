"""The panel's visual language: one form each for a state, a person, a channel, a time, a code and a link.

Pages and lists use these and nothing else, so that the same thing looks the same everywhere. What colour a tone has
stands in one place, `static/durar/panel.css`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.db.models import Model
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from mattermost_bridge.models.states import Toned
from mattermost_bridge.rules.marking import Filled, Joined
from mattermost_bridge.rules.reasons import REASONS

#: Every tone that a badge can have.
TONES = ("good", "busy", "warning", "bad", "idle")
NOTHING = mark_safe('<span class="du-quiet du-nothing">–</span>')

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def translated(text: object) -> Any:
    """A text of the rules in the reader's language; values in it stay, unless they are such texts themselves."""
    if isinstance(text, Joined):
        return " ".join(translated(one) for one in text.parts)
    if isinstance(text, Filled):
        values = {
            name: translated(one) if isinstance(one, Filled | Joined) else one for name, one in text.values.items()
        }
        return _(text.template).format(**values)
    return _(str(text)) if text else ""


def badge(word: object, tone: str, title: object = "") -> SafeString:
    """A state: its word, in its tone."""
    if tone not in TONES:
        raise ValueError(f"{tone!r} is no tone; use one of {', '.join(TONES)}.")
    return format_html('<span class="du-badge du-{}" title="{}">{}</span>', tone, title, word)


def state(choices: type[Toned], value: str, title: object = "") -> SafeString:
    """The badge of a state as it is stored; a value that is unknown is shown as it is."""
    try:
        member = choices(value)
    except ValueError:
        return badge(value, "idle", title)
    return badge(member.label, member.tone, title)


def person(user_id: str, username: str = "") -> SafeString:
    """A person: the username, with the id on hover; the id alone when no name is known."""
    if username:
        return format_html('<span class="du-person" title="{}">@{}</span>', user_id, username)
    return code(user_id, title=_("The username is not known yet")) if user_id else NOTHING


def channel(channel_id: str, kind: str = "", name: str = "") -> SafeString:
    """A channel: what people call it, with the id on hover. `kind` is Mattermost's letter: D, G, O or P."""
    if kind == "D":
        return format_html('<span class="du-channel" title="{}">{}</span>', channel_id, _("Direct message"))
    if name:
        mark = "" if kind == "G" else "~"
        return format_html('<span class="du-channel" title="{}">{}{}</span>', channel_id, mark, name)
    return code(channel_id, title=_("The channel's name is not known yet")) if channel_id else NOTHING


def host(address: str) -> SafeString:
    """A server by its host, with the whole address on hover."""
    if not address:
        return NOTHING
    return format_html('<span class="du-host" title="{}">{}</span>', address, address.partition("://")[2] or address)


def code(text: object, title: object = "") -> SafeString:
    """Something that is compared or copied letter by letter: an id, a pairing code."""
    return format_html('<code class="du-code" title="{}">{}</code>', title or text, text) if text else NOTHING


def moment(at: datetime | None, now: datetime | None = None) -> SafeString:
    """A time, relative to now, with the exact one on hover."""
    if at is None:
        return NOTHING
    exact = date_format(timezone.localtime(at), "Y-m-d H:i:s T")
    words = relative(at, now or timezone.now())
    return format_html('<time class="du-time" datetime="{}" title="{}">{}</time>', at.isoformat(), exact, words)


def countdown(until: datetime | None, now: datetime | None = None) -> SafeString:
    """The time that is left until then, which an open page counts down, with the exact end on hover."""
    if until is None:
        return NOTHING
    exact = date_format(timezone.localtime(until), "Y-m-d H:i:s T")
    left = (until - (now or timezone.now())).total_seconds()
    words = length(left) if left > 0 else _("over")
    return format_html(
        '<time class="du-time" data-countdown datetime="{}" title="{}">{}</time>', until.isoformat(), exact, words
    )


def moment_ms(milliseconds: int) -> SafeString:
    """As `moment`, for a time of the Mattermost server in milliseconds; 0 is none."""
    return moment(datetime.fromtimestamp(milliseconds / 1000, UTC) if milliseconds else None)


def relative(at: datetime, now: datetime) -> str:
    """How long ago `at` is, or how long until then, in one unit: what a reader needs at a glance."""
    seconds = (now - at).total_seconds()
    if abs(seconds) < 5:
        return _("just now")
    words = length(abs(seconds))
    return _("%(time)s ago") % {"time": words} if seconds > 0 else _("in %(time)s") % {"time": words}


def attempts(made: int, next_at: datetime | None) -> SafeString | str:
    """How many there were, and below that when the next one is."""
    if next_at is None:
        return str(made)
    return format_html('{}<span class="du-under">{} {}</span>', made, _("next"), moment(next_at))


def length(seconds: float) -> str:
    """A length of time in one unit, as 40 s, 3 min, 5 h or 12 days."""
    if seconds < _MINUTE:
        return _("%(n)d s") % {"n": seconds}
    if seconds < _HOUR:
        return _("%(n)d min") % {"n": seconds // _MINUTE}
    if seconds < _DAY:
        return _("%(n)d h") % {"n": seconds // _HOUR}
    days = int(seconds // _DAY)
    return ngettext("%(n)d day", "%(n)d days", days) % {"n": days}


def took(begin: datetime | None, end: datetime | None) -> str:
    """How long something took, as 340 ms or 12.4 s; "" while that is not known."""
    if begin is None or end is None:
        return ""
    return took_ms((end - begin).total_seconds() * 1000)


def took_ms(milliseconds: float) -> str:
    """As `took`, for a length in milliseconds."""
    milliseconds = max(milliseconds, 0)
    if milliseconds < 1000:
        return _("%(n)d ms") % {"n": milliseconds}
    seconds = milliseconds / 1000
    return _("%(n).1f s") % {"n": seconds} if seconds < _MINUTE else length(seconds)


def link(record: Model | None, text: object = "") -> SafeString:
    """A link to a record's page."""
    if record is None:
        return NOTHING
    return format_html('<a class="du-link" href="{}">{}</a>', page_of(record), text or str(record))


def account(record: Model | None, nobody: object = "") -> SafeString:
    """An account by its name, linked to its overview; `nobody` stands for none, as the defaults or all accounts."""
    if record is None:
        return format_html('<span class="du-quiet">{}</span>', nobody)
    address = reverse("admin:mattermost_bridge_account_overview", args=[record.pk])
    return format_html('<a class="du-link" href="{}" title="{}">{}</a>', address, record.account_id, record)  # type: ignore[attr-defined]


def by_whom(name: str, at: datetime | None) -> SafeString:
    """Who did something, and when."""
    if at is None and not name:
        return NOTHING
    if not name:
        return moment(at)
    return format_html('{}<span class="du-under">{}</span>', name, moment(at))


def links(*pairs: tuple[str, object]) -> SafeString:
    """Several links, each of an address and its words."""
    return format_html_join(" · ", '<a class="du-link" href="{}">{}</a>', pairs)


def page_of(record: Model) -> str:
    """The address of a record's page in the panel."""
    meta = record._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[record.pk])


def list_of(model: type[Model], query: str = "") -> str:
    """The address of a list in the panel, filtered by `query`."""
    meta = model._meta
    address = reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")
    return f"{address}?{query}" if query else address


def add_of(model: type[Model]) -> str:
    """The address of the form that adds a record."""
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_add")


def passage(text: str, limit: int = 90) -> SafeString:
    """The beginning of a text for a list, on one line, with more of it on hover."""
    line = " ".join(text.split())
    if not line:
        return NOTHING
    shown = line if len(line) <= limit else _cut(line[: limit - 1]) + "…"
    return format_html('<span class="du-passage" title="{}">{}</span>', text[:600], shown)


def _cut(line: str) -> str:
    """A line that was cut somewhere, cut at the end of a word where one ends near its end."""
    whole, _space, rest = line.rpartition(" ")
    return whole.rstrip(",;:") if whole and len(rest) < 16 else line


def block(text: str) -> SafeString:
    """A text as it was written, lines kept."""
    return format_html('<div class="du-block">{}</div>', text) if text else NOTHING


def reason(code_: str) -> SafeString:
    """A reason code as its label, with the sentence on hover."""
    known = REASONS.get(code_)
    if known is None:
        return code(code_) if code_ else NOTHING
    return format_html('<span title="{}">{}</span>', _(known.sentence), _(known.label))


def verdict(passed: Any) -> SafeString:
    """The verdict of one check of a trail."""
    if passed is None:
        return badge(_("noted"), "idle")
    return badge(_("passed"), "good") if passed else badge(_("stopped here"), "bad")
