"""How often bots answer each other: a budget for each pair, counted from records, so that it holds over restarts."""

from __future__ import annotations

from mattermost_bridge.rules.facts import known
from mattermost_bridge.rules.marking import gettext_noop as _
from mattermost_bridge.rules.types import Check, Fact, IncomingPost, Policy

#: The time, in milliseconds, within which the answers to one bot in one channel are counted.
WINDOW_MS = 10 * 60 * 1000


def is_bot(post: IncomingPost) -> bool:
    """Whether a bot or a webhook made the post. The post says so itself: a guard against loops, never an identity."""
    return post.from_bot or post.from_webhook


def within_budget(post: IncomingPost, policy: Policy) -> Check:
    """Whether the bot that made the post may be answered once more in its channel; the check's verdict says so."""
    answered = known(post.bot_turns, Fact.BOT_TURNS)
    value = f"{answered} of at most {policy.bot_turns} within ten minutes"
    return Check(_("answers to this bot"), value, policy.source_of("bot_turns"), passed=answered < policy.bot_turns)
