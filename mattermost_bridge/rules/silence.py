"""Whether one thing alone keeps a bot from answering anybody: then its page says so, with the remedy."""

from __future__ import annotations

from collections.abc import Mapping

from mattermost_bridge.rules.reasons import Reason
from mattermost_bridge.rules.types import Outcome

#: Fewer unanswered messages say nothing about an account.
FEWEST = 5
#: Reasons that are one cause: who has to be approved is told so once, and then waits.
_PAIRING = (Reason.PAIRING_REQUIRED, Reason.PAIRING_REPEATED, Reason.PAIRING_QUEUE_FULL)
#: What no person wrote; it is looked at where no person was left without an answer.
_NO_PERSON = (Reason.OTHER_BOT, Reason.OTHER_WEBHOOK, Reason.SENDER_MISSING, Reason.UNREADABLE)


def is_silence(reason: Reason) -> bool:
    """Whether an event with this reason was left without an answer in a way that somebody could change.

    What the bot wrote itself, what Mattermost wrote and the like is nobody's message.
    """
    return reason.outcome is not Outcome.ADMITTED and bool(reason.remedy)


def one_cause(counts: Mapping[str, int]) -> Reason | None:
    """The one reason for which nobody was answered, None when there is none.

    `counts` are the events of an account within a time (24 hours) by their reason codes. It takes at least `FEWEST`
    silences, all with the same cause, and not a single message that was admitted. What people wrote counts first:
    beside it posts of other bots say nothing.
    """
    of_people: dict[Reason, int] = {}
    of_others: dict[Reason, int] = {}
    for code, count in counts.items():
        if not count or code not in set(Reason):
            continue
        reason = Reason[code.upper()]
        if reason.outcome is Outcome.ADMITTED and reason is not Reason.REACTION_NOTED:
            return None
        if is_silence(reason):
            cause = _PAIRING[0] if reason in _PAIRING else reason
            found = of_others if reason in _NO_PERSON else of_people
            found[cause] = found.get(cause, 0) + count
    silences = of_people or of_others
    if len(silences) != 1:
        return None
    cause, count = next(iter(silences.items()))
    if count < FEWEST:
        return None
    # Of a family the one that is met most often is named, a full queue first of all: its remedy is the widest.
    if cause in _PAIRING:
        return Reason.PAIRING_QUEUE_FULL if counts.get(Reason.PAIRING_QUEUE_FULL) else Reason.PAIRING_REQUIRED
    return cause
