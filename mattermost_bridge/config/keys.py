"""Keys of the original's configuration files that are no settings of the tables: objects, and what other parts use."""

from __future__ import annotations

#: At the top of a file: objects of settings among which the original has others, and all that are used.
TOP_SETTINGS = ("commands", "gateway", "messages", "session")
TOP = frozenset({"accessGroups", "agents", "bindings", "channels", "models", *TOP_SETTINGS})

#: Used in each entry of `accessGroups` and below its `durar`.
ACCESS_GROUP = frozenset({"type", "members", "durar"})
DURAR_ACCESS_GROUP = frozenset({"until"})

#: Top-level keys of the original's other parts.
TOP_FOREIGN = frozenset(
    {
        "acp",
        "approvals",
        "audio",
        "auth",
        "broadcast",
        "browser",
        "canvasHost",
        "cli",
        "cron",
        "diagnostics",
        "discovery",
        "env",
        "hooks",
        "logging",
        "mcp",
        "media",
        "memory",
        "meta",
        "nodeHost",
        "plugins",
        "secrets",
        "skills",
        "talk",
        "tools",
        "ui",
        "update",
        "web",
        "wizard",
    }
)
#: Other bridges of the original, below `channels`.
OTHER_CHANNELS = frozenset(
    {
        "bluebubbles",
        "discord",
        "feishu",
        "googlechat",
        "imessage",
        "irc",
        "line",
        "matrix",
        "modelByChannel",
        "msteams",
        "nextcloud-talk",
        "nostr",
        "qqbot",
        "signal",
        "slack",
        "synology-chat",
        "telegram",
        "tlon",
        "twitch",
        "webchat",
        "whatsapp",
        "zalo",
        "zalouser",
    }
)
CHANNEL_DEFAULTS_LATER = frozenset({"heartbeat"})
PROVIDER = frozenset({"baseUrl", "apiKey", "models"})
PROVIDER_LATER = frozenset({"api", "auth", "authHeader", "headers", "injectNumCtxForOpenAICompat", "request"})
