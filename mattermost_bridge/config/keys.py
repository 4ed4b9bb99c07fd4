"""The keys of the original's configuration files: which ones Durar uses, and which it knows and does not use (yet)."""

from __future__ import annotations

#: Used at the top of a file.
TOP = frozenset({"accessGroups", "agents", "channels", "models"})
#: Used in `channels.mattermost` and in each of its accounts.
SHARED = frozenset(
    {
        "enabled",
        "name",
        "botToken",
        "baseUrl",
        "dmPolicy",
        "groupPolicy",
        "allowFrom",
        "groupAllowFrom",
        "groups",
        "textChunkLimit",
        "dmChannelRetry",
        "durar",
    }
)
#: Used in the section only.
SECTION = frozenset({"accounts", "defaultAccount"})
#: Durar's own, below `durar` in the section and in each account.
DURAR = frozenset({"agent", "pairingText", "allowFromUntil", "groupAllowFromUntil"})

#: Used in each entry of `groups`, and in each entry of `accessGroups` and below its `durar`.
GROUP = frozenset({"requireMention"})
ACCESS_GROUP = frozenset({"type", "members", "durar"})
DURAR_ACCESS_GROUP = frozenset({"until"})

#: Known in the section and in accounts, and not used yet.
SHARED_LATER = frozenset(
    {
        "actions",
        "blockStreaming",
        "blockStreamingCoalesce",
        "capabilities",
        "chatmode",
        "chunkMode",
        "commands",
        "configWrites",
        "contextVisibility",
        "dangerouslyAllowNameMatching",
        "defaultTo",
        "historyLimit",
        "implicitMentions",
        "interactions",
        "markdown",
        "mediaMaxMb",
        "network",
        "oncharPrefixes",
        "replyToMode",
        "replyToModeByChatType",
        "requireMention",
        "responsePrefix",
        "streaming",
    }
)
#: Top-level keys of which Durar will use something later.
TOP_LATER = frozenset({"bindings", "commands", "gateway", "messages", "session"})
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
CHANNEL_DEFAULTS_LATER = frozenset({"contextVisibility", "heartbeat"})
PROVIDER = frozenset({"baseUrl", "apiKey", "models"})
PROVIDER_LATER = frozenset({"api", "auth", "authHeader", "headers", "injectNumCtxForOpenAICompat", "request"})
