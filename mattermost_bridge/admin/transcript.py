"""A conversation as people would read it: what was written, what the bot answered, and what went wrong, in order."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from django.db.models import Q, QuerySet
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from mattermost_bridge.admin import blanked, looks
from mattermost_bridge.admin.names import Names
from mattermost_bridge.agents.redaction import redact
from mattermost_bridge.models import Conversation, Delivery, InboundEvent, Turn, TurnRound
from mattermost_bridge.models.states import DeliveryState, EventKind, EventOutcome, EventState, TurnState

#: Messages of people on one page.
PAGE = 30
#: Further back one finds messages by filtering the events.
MOST_PAGES = 1000
#: So many characters of a tool's arguments, and of its result, are shown.
MOST_SHOWN = 4000


@dataclass
class Message:
    """Something that a person wrote, and what was decided about it."""

    who: SafeString
    text: str
    at: SafeString
    badge: SafeString
    reason: SafeString
    link: str
    note: str = ""
    is_answer: bool = False


@dataclass
class Answer:
    """A turn: who answered what, how long the person waited, and whether it arrived."""

    who: str
    text: str
    error: str
    at: SafeString
    badge: SafeString
    took: str
    link: str
    note: str = ""
    deliveries: list[SafeString] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    is_answer: bool = True


@dataclass
class Call:
    """Something that the agent did with its tool on the way to its answer."""

    name: str
    arguments: str
    badge: SafeString
    result: str


@dataclass
class Page:
    """One page of a transcript, oldest first. `older` and `newer` are page numbers, 0 for none."""

    entries: list[Message | Answer]
    number: int
    older: int
    newer: int


def page_of_transcript(conversation: Conversation, number: str) -> Page:
    """A page, 1 being the newest. Costs the same few queries whatever the conversation holds."""
    current = min(int(number), MOST_PAGES) if number.isdecimal() and int(number) > 0 else 1
    start = (current - 1) * PAGE
    events = list(_events(conversation)[start : start + PAGE + 1])
    older = current + 1 if len(events) > PAGE and current < MOST_PAGES else 0
    events = events[:PAGE][::-1]
    names = Names({conversation.account_id}, (), {event.user_id for event in events})
    answers = _answers({event.turn_id for event in events if event.turn_id})
    last_of_turn = {event.turn_id: event.pk for event in events}
    entries: list[Message | Answer] = []
    for event in events:
        entries.append(_message(event, names))
        # A turn that answers several messages stands once, after the last of them.
        if event.turn_id in answers and last_of_turn[event.turn_id] == event.pk:
            entries.append(answers[event.turn_id])
    return Page(entries, current, older, current - 1)


def _events(conversation: Conversation) -> QuerySet[InboundEvent]:
    """What was written here, newest first. Of direct messages also what was not admitted: it explains the beginning."""
    mine = Q(conversation=conversation)
    if conversation.channel_type == "D":
        mine = Q(account=conversation.account_id, channel_id=conversation.channel_id)
    rows = InboundEvent.objects.filter(mine).filter(kind__in=[EventKind.POST, EventKind.COMMAND, EventKind.CLICK])
    return rows.exclude(reason="own_post").defer("raw", "trail", "payload").order_by("-create_at", "-pk")


def _message(event: InboundEvent, names: Names) -> Message:
    if event.state == EventState.DECIDED and event.outcome:
        badge = looks.state(EventOutcome, event.outcome)
    else:
        badge = looks.state(EventState, event.state)
    return Message(
        who=names.person(event.account_id, event.user_id, event.username),
        text=event.text,
        at=looks.moment_ms(event.create_at) if event.create_at else looks.moment(event.received_at),
        badge=badge,
        reason=looks.reason(event.reason) if event.outcome != EventOutcome.ADMITTED else SafeString(""),
        link=looks.page_of(event),
        note=blanked.of_event(event),
    )


def _answers(turn_ids: set[int]) -> dict[int, Answer]:
    turns = Turn.objects.filter(pk__in=turn_ids).select_related("agent").defer("agent__api_key", "agent__instructions")
    sent: dict[int, list[Delivery]] = defaultdict(list)
    deliveries = Delivery.objects.filter(turn__in=turn_ids).order_by("pk").defer("text", "props")
    for delivery in deliveries:
        sent[delivery.turn_id].append(delivery)  # type: ignore[index]
    calls: dict[int, list[Call]] = defaultdict(list)
    for row in TurnRound.objects.filter(turn__in=turn_ids).order_by("turn", "number"):
        calls[row.turn_id] += calls_of(row)
    return {turn.pk: _answer(turn, sent[turn.pk], calls[turn.pk]) for turn in turns}


def calls_of(row: TurnRound) -> list[Call]:
    """The calls of a round with what came of them, without anything that looks like a key."""
    found = []
    for number, call in enumerate(row.calls):
        result = row.results[number] if number < len(row.results) else None
        if result is None:
            badge = looks.badge(_("not carried out"), "warning")
        else:
            badge = looks.badge(_("done"), "good") if result["ok"] else looks.badge(_("refused"), "warning")
        text = redact(result["text"], "")[:MOST_SHOWN] if result else ""
        arguments = redact(str(call["arguments"]), "")[:MOST_SHOWN]
        found.append(Call(str(call["name"]), arguments, badge, text))
    return found


def _answer(turn: Turn, deliveries: list[Delivery], calls: list[Call]) -> Answer:
    arrived = [delivery.posted_at_ms for delivery in deliveries if delivery.posted_at_ms]
    waited = ""
    if arrived and turn.trigger_at:
        # Both are the server's times: how long the person waited, as they saw it.
        waited = looks.took_ms(min(arrived) - turn.trigger_at)
    return Answer(
        who=str(turn.agent) if turn.agent else _("The bot"),
        text=turn.answer,
        error=turn.error,
        at=looks.moment(turn.finished_at or turn.created_at),
        badge=looks.state(TurnState, turn.state),
        took=waited or looks.took(turn.created_at, turn.finished_at),
        link=looks.page_of(turn),
        note=blanked.after(turn.created_at, turn.blanked_at) if turn.blanked_at else "",
        deliveries=[_delivery(delivery) for delivery in deliveries],
        calls=calls,
    )


def _delivery(delivery: Delivery) -> SafeString:
    return looks.link(delivery, looks.state(DeliveryState, delivery.state, delivery.error[:300]))
