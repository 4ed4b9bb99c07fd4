"""Settings that are checked, kept and exported, and that nothing reads for now. They stand in the column `kept`."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from mattermost_bridge.config.setting import Group, Kind, Setting

_RAW = (("raw", "raw"), ("status", "status"))


def _kept(key: str, kind: Kind, help_text: Any, **more: Any) -> Setting:
    return Setting(key, "", kind, Group.FILE_ONLY, key, help_text, used=False, **more)


def _words(*words: str) -> tuple[tuple[str, str], ...]:
    return tuple((word, word) for word in words)


KEPT: tuple[Setting, ...] = (
    _kept("configWrites", Kind.FLAG, _("Whether chats may change the configuration."), default=True),
    _kept("defaultTo", Kind.LINE, _("Where messages without a target go.")),
    _kept("implicitMentions.replyToBot", Kind.FLAG, _("Replies to the bot count as mentions."), default=True),
    _kept("implicitMentions.quotedBot", Kind.FLAG, _("Quotes of the bot count as mentions."), default=True),
    _kept("blockStreaming", Kind.FLAG, _("Whether answers are posted part by part.")),
    *(
        setting
        for prefix in ("blockStreamingCoalesce", "streaming.block.coalesce")
        for setting in (
            _kept(f"{prefix}.minChars", Kind.WHOLE, _("The least characters of a part."), least=1, default=1500),
            _kept(f"{prefix}.maxChars", Kind.WHOLE, _("The most characters of a part."), least=1),
            _kept(f"{prefix}.idleMs", Kind.WHOLE, _("Milliseconds until a part is posted."), least=0, default=1000),
        )
    ),
    _kept(
        "streaming.mode",
        Kind.CHOICE,
        _("What is shown while the agent works."),
        choices=_words("off", "partial", "block", "progress"),
        default="partial",
    ),
    _kept(
        "streaming.chunkMode",
        Kind.CHOICE,
        _("As chunkMode, in newer files; write chunkMode here."),
        choices=_words("length", "newline"),
    ),
    _kept("streaming.block.enabled", Kind.FLAG, _("Whether answers are posted part by part.")),
    _kept("streaming.preview.toolProgress", Kind.FLAG, _("Whether a preview shows tools.")),
    _kept("streaming.preview.commandText", Kind.CHOICE, _("How a preview shows commands."), choices=_RAW),
    _kept("streaming.progress.label", Kind.LABEL, _("What progress is called; false: nothing.")),
    _kept("streaming.progress.labels", Kind.LINES, _("What progress is called, in turn."), empty_counts=True),
    _kept("streaming.progress.maxLines", Kind.WHOLE, _("The most lines of progress."), least=1),
    _kept("streaming.progress.maxLineChars", Kind.WHOLE, _("The most characters of a line of progress."), least=1),
    _kept("streaming.progress.toolProgress", Kind.FLAG, _("Whether progress shows tools.")),
    _kept("streaming.progress.commandText", Kind.CHOICE, _("How progress shows commands."), choices=_RAW),
)
