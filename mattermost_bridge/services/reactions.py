"""Reactions that a bot adds to posts and takes back."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from mattermost_bridge.config.effective import AccountSettings
from mattermost_bridge.mattermost.errors import MattermostError
from mattermost_bridge.mattermost.rest import MattermostClient
from mattermost_bridge.models import Account
from mattermost_bridge.rules.emoji import emoji_name
from mattermost_bridge.rules.targets import ID
from mattermost_bridge.services import audit
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.clients import client_of
from mattermost_bridge.services.errors import Refused
from mattermost_bridge.services.usable import usable

DISABLED = "Mattermost reactions are disabled in config"


@dataclass(frozen=True)
class Reacted:
    """A reaction that was added or, with `removed`, taken back. `str` says so in a sentence."""

    post_id: str
    emoji: str
    removed: bool = False

    def __str__(self) -> str:
        if self.removed:
            return f"Removed reaction :{self.emoji}: from {self.post_id}"
        return f"Reacted with :{self.emoji}: on {self.post_id}"


def react(
    account_pk: int, post_id: str, emoji: str, *, actor: Actor, remove: bool = False, channel_id: str = ""
) -> Reacted:
    """React to a post as the account's bot, or take the reaction back; doing it twice changes nothing.

    `emoji` is a name with or without colons, or a glyph. With a `channel_id` the post must be in that channel. Raises
    NotFound and Refused, with a sentence. Asks the server: call it outside of transactions.
    """
    account = usable(account_pk)
    if not account.actions_reactions:
        raise Refused(f"{DISABLED} (actions.reactions of the account {account.account_id}). Switch them on there.")
    post_id, name = post_id.strip(), emoji_name(emoji)
    if not post_id:
        raise Refused("Mattermost react requires messageId (post id)")
    if not ID.fullmatch(post_id):
        raise Refused(f"{post_id[:40]!r} is no post id: one has 26 lower-case letters and digits.")
    if not name:
        raise Refused("Mattermost react requires emoji")
    client = client_of(account)
    verb = "remove" if remove else "add"
    try:
        if channel_id and client.post(post_id).channel_id != channel_id:
            raise Refused(f"The post {post_id} is in another channel than {channel_id}. Compare both ids.")
        if remove:
            client.remove_reaction(post_id, name)
        else:
            client.add_reaction(_bot_id(account, client), post_id, name)
    except MattermostError as error:
        raise Refused(f"Mattermost {verb} reaction failed: {_why(error, name)}") from None
    done = Reacted(post_id, name, remove)
    with transaction.atomic():
        audit.record(
            actor=actor,
            verb="message.unreact" if remove else "message.react",
            summary=f"{done} by the account {account.account_id}.",
            account=Account.objects.defer("bot_token").get(pk=account_pk),
            details={"post_id": post_id, "emoji": name},
        )
    return done


def _bot_id(account: AccountSettings, client: MattermostClient) -> str:
    return account.bot_user_id or client.me().id


def _why(error: MattermostError, name: str) -> str:
    """What the server said, and what to do where it does not say it."""
    if error.is_unauthorized:
        return "the server refuses the bot's token. Enter one that works."
    if "emoji" in error.error_id:
        return f"{error} The server knows no emoji :{name}:."
    if error.status in (403, 404):
        return f"{error} There is no such post, or the bot is not in its channel."
    return str(error)
