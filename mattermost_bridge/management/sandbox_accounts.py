"""The two accounts with which `Durar up --sandbox` starts an empty installation."""

from __future__ import annotations

from mattermost_bridge.models import Account, Agent
from mattermost_bridge.models.states import AgentBackend, DmPolicy, GroupPolicy
from mattermost_bridge.sandbox import world
from mattermost_bridge.services import accounts, agents
from mattermost_bridge.services.audit import SYSTEM

#: Account id of each of the sandbox's bots.
ACCOUNTS = {"default": "durar", "helper": "helper"}
AGENT = "echo"


def provide(base_url: str) -> None:
    """On an installation without accounts make one for each bot of the sandbox at `base_url`: the agent `echo` answers,
    strangers pair, channels are open. Where they exist with the sandbox's tokens, follow the sandbox to its address."""
    bots = {bot.username: bot for bot in world.BOTS}
    if not Account.objects.exists():
        agent = Agent.objects.filter(slug=AGENT).first() or agents.create(
            actor=SYSTEM, slug=AGENT, name="Echo", backend=AgentBackend.ECHO
        )
        for account_id, username in ACCOUNTS.items():
            bot = bots[username]
            accounts.create(
                actor=SYSTEM,
                account_id=account_id,
                name=f"{bot.display_name} (sandbox)",
                token=bot.token,
                base_url=base_url,
                agent=agent,
                dm_policy=DmPolicy.PAIRING,
                group_policy=GroupPolicy.OPEN,
            )
        return
    for account in Account.objects.filter(account_id__in=ACCOUNTS):
        token = bots[ACCOUNTS[account.account_id]].token
        # An operator may have made an account of the same name for a real server; its token is another.
        if account.bot_token == token and account.base_url != base_url:
            accounts.update(account.pk, actor=SYSTEM, base_url=base_url, token=token)
