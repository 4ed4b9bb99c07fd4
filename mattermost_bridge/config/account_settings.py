"""The settings of one account as they hold: plain values, and the only ones that the rest of the code reads."""

from __future__ import annotations

from dataclasses import dataclass, field

from mattermost_bridge.rules import direct_channels
from mattermost_bridge.rules.direct_channels import RetryValues
from mattermost_bridge.rules.types import Policy

DEFAULT_ACCOUNT = "default"


@dataclass(frozen=True)
class Commands:
    """`commands`: slash commands. "auto" counts as off for Mattermost."""

    native: bool = False
    native_skills: bool = False
    callback_path: str = "/api/channels/mattermost/command"
    callback_url: str = ""
    prefix: str = "oc_"


@dataclass(frozen=True)
class Interactions:
    """`interactions`: clicks on buttons."""

    callback_base_url: str = ""
    allowed_source_ips: tuple[str, ...] = ()


@dataclass(frozen=True)
class Gateway:
    """`gateway`: what stands in callback addresses, and which proxies are believed. `port` is None when not set."""

    port: int | None = None
    custom_bind_host: str = ""
    trusted_proxies: tuple[str, ...] = ()
    allow_real_ip_fallback: bool = False


@dataclass(frozen=True)
class AccountSettings:
    """Everything that holds for one account. `token_problem` is a sentence when a configured token is unusable.

    `media_max_mb` is None when nothing says how large a file may be: then the built-in limits of both ways hold.
    """

    pk: int
    account_id: str
    name: str
    enabled: bool
    archived: bool
    base_url: str
    token: str = field(repr=False)
    token_problem: str
    bot_user_id: str
    bot_username: str
    agent_pk: int | None
    text_chunk_limit: int
    pairing_text: str
    policy: Policy
    version: int
    dm_channel_retry: RetryValues = direct_channels.BUILT_IN
    history_limit: int = 50
    context_visibility: str = "all"
    media_max_mb: float | None = None
    debounce_ms: int = 0
    keep_bodies_days: int = 30
    response_prefix: str = ""
    chunk_mode: str = "length"
    markdown_tables: str = "off"
    capabilities: tuple[str, ...] = ()
    actions_reactions: bool = True
    actions_messages: bool = False
    allow_mass_mentions: bool = False
    agent_targets: tuple[str, ...] = ()
    allow_private_network: bool = False
    commands: Commands = Commands()
    interactions: Interactions = Interactions()
    gateway: Gateway = Gateway()

    @property
    def configured(self) -> bool:
        """Whether there are a token and an address."""
        return bool(self.token and self.base_url)

    @property
    def listens(self) -> bool:
        """Whether a listener should hold a connection for this account."""
        return self.enabled and not self.archived and self.configured

    @property
    def missing(self) -> str:
        """A sentence that says what keeps the account from being configured; "" when nothing does."""
        if self.token_problem:
            return self.token_problem
        if not self.token:
            return self._says_missing("bot token", "botToken", "MATTERMOST_BOT_TOKEN")
        if not self.base_url:
            return self._says_missing("baseUrl", "baseUrl", "MATTERMOST_URL")
        return ""

    def _says_missing(self, what: str, key: str, variable: str) -> str:
        by_environment = f" or {variable}" if self.account_id == DEFAULT_ACCOUNT else ""
        return (
            f'Mattermost {what} missing for account "{self.account_id}" '
            f"(set channels.mattermost.accounts.{self.account_id}.{key}{by_environment}). "
            "In the panel it is under Connection in the account's settings."
        )
