"""Charts of the first page: plain SVG beside a table of the same numbers; nobody has to see them to know them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.template.defaultfilters import date as date_words
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from mattermost_bridge.admin import looks
from mattermost_bridge.admin.figures import FAILED, HOURS, RESULTS, Figures
from mattermost_bridge.models import InboundEvent
from mattermost_bridge.rules.reasons import REASONS

RESULT_WORDS: dict[str, Promise] = {
    "answered": gettext_lazy("Answered"),
    "waiting": gettext_lazy("Waiting"),
    "challenged": gettext_lazy("Asked to pair"),
    "refused": gettext_lazy("Refused"),
    "failed": gettext_lazy("Failed"),
    "ignored": gettext_lazy("Not for the bot"),
}
#: Units of the drawing: the width of an hour, the gap between two, and the height of everything.
_WIDE, _GAP, _HIGH = 10, 2, 100
#: So many reasons have a bar; the others are rare.
MOST_REASONS = 8


@dataclass(frozen=True)
class Chart:
    """A chart as `admin/durar/chart.html` draws it: bars in a box of `width` by 100, and the table beside it."""

    name: str
    title: str
    summary: str
    columns: Sequence[Any]
    rows: Sequence[Sequence[Any]]
    bars: Sequence[dict[str, Any]] = ()
    width: int = HOURS * _WIDE
    top: str = ""
    ticks: Sequence[str] = ()
    legend: Sequence[tuple[str, Any]] = ()
    lines: Sequence[dict[str, Any]] = field(default_factory=list)
    empty: str = ""


def charts(figures: Figures) -> list[Chart]:
    """Messages by hour and outcome, the time to answer, and reasons for silence."""
    return [_messages(figures), _times(figures), _reasons(figures)]


def _hour(at: datetime) -> str:
    return str(date_words(timezone.localtime(at), "H:i"))


def _ticks(hours: Sequence[datetime]) -> list[str]:
    return [*(_hour(at) for at in hours[:: HOURS // 4]), _("now")]


def _messages(figures: Figures) -> Chart:
    counts: list[Mapping[str, int]] = [figures.results.get(hour, {}) for hour in figures.hours]
    most = max((sum(count.values()) for count in counts), default=0)
    bars = []
    for number, (hour, count) in enumerate(zip(figures.hours, counts, strict=True)):
        y = float(_HIGH)
        for result in RESULTS:
            value = count.get(result, 0)
            if not value:
                continue
            height = value * _HIGH / most
            y -= height
            words = {"hour": _hour(hour), "result": RESULT_WORDS[result], "count": value}
            bars.append(_bar(number, y, height, result, _("%(hour)s, %(result)s: %(count)d") % words))
    used = [result for result in RESULTS if any(count.get(result) for count in counts)]
    return Chart(
        name="messages",
        title=_("Messages by hour"),
        summary=_("%d in the last 24 hours") % sum(sum(count.values()) for count in counts),
        columns=[_("Hour"), *(RESULT_WORDS[result] for result in used)],
        rows=[
            [_hour(hour), *(count.get(result, 0) for result in used)]
            for hour, count in zip(figures.hours, counts, strict=True)
        ],
        bars=bars,
        top=str(most),
        ticks=_ticks(figures.hours),
        legend=[(result, RESULT_WORDS[result]) for result in used],
        empty="" if most else _("No message came in."),
    )


def _times(figures: Figures) -> Chart:
    known = [(number, hour, figures.times[hour]) for number, hour in enumerate(figures.hours) if hour in figures.times]
    most = max((times.slow for _n, _hour, times in known), default=0)
    bars = []
    for number, hour, times in known:
        for kind, value, words in (("slow", times.slow, _("95 of 100")), ("median", times.median, _("half of them"))):
            height = value * _HIGH / most if most else 0
            title = _("%(hour)s, %(which)s within %(time)s")
            title %= {"hour": _hour(hour), "which": words, "time": looks.took_ms(value)}
            bars.append(_bar(number, _HIGH - height, height, kind, title))
    summary = ""
    if figures.all_times:
        summary = _("Half within %(median)s, 95 of 100 within %(slow)s") % {
            "median": looks.took_ms(figures.all_times.median),
            "slow": looks.took_ms(figures.all_times.slow),
        }
    return Chart(
        name="times",
        title=_("Time to answer"),
        summary=summary,
        columns=[_("Hour"), _("Median"), _("95th percentile"), _("Answers")],
        rows=[
            [_hour(hour), looks.took_ms(times.median), looks.took_ms(times.slow), times.answers]
            for _n, hour, times in known
        ],
        bars=bars,
        top=looks.took_ms(most),
        ticks=_ticks(figures.hours),
        legend=[("median", _("Median")), ("slow", _("95th percentile"))],
        empty="" if known else _("No answer went out."),
    )


def _reasons(figures: Figures) -> Chart:
    return reasons_chart(figures.silence, _("Why the bots kept silent"), _("Nobody was left without an answer."))


def reasons_chart(counts: Counter[str], title: str, empty: str, account_pk: int | None = None) -> Chart:
    """How often each reason was met in 24 hours; each leads to the list of its events, of one account or of all."""
    common = counts.most_common(MOST_REASONS)
    most = common[0][1] if common else 0
    whose = f"&account={account_pk}" if account_pk else ""
    lines = [{"count": count, "share": round(count * 100 / most), **_reason(code, whose)} for code, count in common]
    in_all = sum(counts.values())
    return Chart(
        name="silence",
        title=title,
        summary=ngettext("%(n)d message", "%(n)d messages", in_all) % {"n": in_all} if common else "",
        columns=(),
        rows=(),
        lines=lines,
        empty="" if common else empty,
    )


def _reason(code: str, whose: str) -> dict[str, Any]:
    """A reason's words, and the list of those to whom it happened."""
    if code == FAILED:
        link = looks.list_of(InboundEvent, f"question=failed&since=24h{whose}")
        return {"label": _("Failed"), "sentence": "", "link": link}
    known = REASONS.get(code)
    link = looks.list_of(InboundEvent, f"reason={code}&since=24h{whose}")
    return {"label": _(known.label) if known else code, "sentence": _(known.sentence) if known else "", "link": link}


def _bar(number: int, y: float, height: float, kind: str, title: str) -> dict[str, Any]:
    return {
        "x": number * _WIDE + _GAP / 2,
        "y": round(y, 2),
        "width": _WIDE - _GAP,
        "height": round(height, 2),
        "kind": kind,
        "title": title,
    }


def headline(figures: Figures, connected: int) -> list[str]:
    """The day in two or three short statements, for a page on which nothing needs a hand."""
    said: Iterable[str] = (
        _("%d connected") % connected,
        _("%d messages in") % figures.heard_in_all,
        _("%d answers and notes out") % figures.sent_in_all,
    )
    return list(said)
