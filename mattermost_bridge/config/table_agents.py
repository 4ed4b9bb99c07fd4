"""What an entry of `agents.entries` says of an agent. The columns are the agent's own."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from mattermost_bridge.config.setting import Group, Kind, Setting, Where


def _agent(key: str, column: str, kind: Kind, help_text: Any, **more: Any) -> Setting:
    return Setting(key, column, kind, Group.AGENT, key, help_text, where=Where.AGENT, **more)


AGENT: tuple[Setting, ...] = (
    _agent("name", "name", Kind.LINE, _("What it is called."), default="", default_words=_("its id"), longest=100),
    _agent(
        "model",
        "",
        Kind.BY_HAND,
        _("provider/model; the provider stands in models.providers."),
        default_words=_("as it is"),
    ),
    _agent(
        "groupChat.mentionPatterns",
        "mention_patterns",
        Kind.LINES,
        _("Regular expressions that count as a mention; an empty list: only @ and the bot's name."),
        default_words=_("messages.groupChat.mentionPatterns, or else its name"),
        each="pattern",
        empty_counts=True,
    ),
    _agent(
        "durar.backend",
        "backend",
        Kind.CHOICE,
        _("What kind of agent it is, for one without a model."),
        choices=(("echo", "echo"), ("openai_compatible", "openai_compatible")),
        default="",
        default_words=_("openai_compatible, with a model"),
    ),
    _agent(
        "durar.instructions",
        "instructions",
        Kind.TEXT,
        _("What the agent is told before all else."),
        default="",
        default_words=_("none"),
        longest=100_000,
    ),
    _agent(
        "durar.historyMessages",
        "history_messages",
        Kind.WHOLE,
        _("How many questions and answers of the same conversation it gets."),
        default=20,
        least=0,
        most=500,
    ),
    _agent(
        "durar.takesImages",
        "takes_images",
        Kind.FLAG,
        _("Whether pictures of a post are sent to the model."),
        default=False,
    ),
    _agent(
        "durar.takesTools",
        "takes_tools",
        Kind.FLAG,
        _("Whether the model may use the tool with which agents write, react, offer buttons and read."),
        default=False,
    ),
    _agent(
        "durar.totalTime",
        "total_time",
        Kind.WHOLE,
        _("Seconds for one answer."),
        default=120,
        least=1,
        most=3600,
    ),
)
