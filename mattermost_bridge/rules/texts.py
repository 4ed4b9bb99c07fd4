"""What a person in Mattermost is told when there is no answer to give. The operator's reasons are elsewhere."""

from __future__ import annotations

APPROVED = "Durar: your access has been approved."
"""Told to a person whose pairing an operator approved."""

PAIRING_QUEUE_FULL = (
    "Durar: sorry, too many people are waiting for approval right now, so I cannot give you a pairing code yet. "
    "Please write again in an hour."
)
"""Told at most once an hour to a person who would have got a pairing code (`pairing.notice_due`)."""

AGENT_FAILED = "Sorry, something went wrong and I could not answer. Please try again."
"""Told when the agent failed; the cause is the operator's."""

AGENT_TOO_SLOW = "Sorry, that took too long and I could not finish an answer. Please try again."
"""Told when the agent used up its total time."""

WORKER_DIED = "Sorry, I was interrupted several times while working on your message and gave up. Please write again."
"""Told when a turn's worker died five times."""
