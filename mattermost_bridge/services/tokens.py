"""Bot tokens and who they belong to: kept encrypted or as references, never shown, never sent to a host unasked."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.db import transaction
from django.utils import timezone

from mattermost_bridge.config import effective
from mattermost_bridge.config.secrets import SecretProblem, check_reference, is_reference
from mattermost_bridge.mattermost.transport import token_problem
from mattermost_bridge.mattermost.urls import normalise_base_url
from mattermost_bridge.models import Account, ChannelCursor, KnownChannel, ListenerLease
from mattermost_bridge.services import audit, button_secrets
from mattermost_bridge.services.errors import ConfirmationNeeded, Refused
from mattermost_bridge.services.probing import ConnectionTest, test_connection
from mattermost_bridge.services.records import effective_url, locked

LONGEST_TOKEN = 500
#: Direct and group channels belong to the bot that is in them.
PERSONAL_CHANNELS = ("D", "G")


def put(account: Account, *, token: str, token_ref: str) -> None:
    """Set the account's token, or the reference to it, without saving. Raises Refused for a form that cannot work."""
    token, token_ref = token.strip(), token_ref.strip()
    if token and token_ref:
        raise Refused("Enter either a bot token or a reference to one, not both.")
    if is_reference(token):
        raise Refused("This is a reference and no token. Enter it as the token reference.")
    if token and (problem := token_problem(token)):
        raise Refused(problem)
    if len(token) > LONGEST_TOKEN:
        raise Refused(f"The bot token is longer than {LONGEST_TOKEN} characters: paste only the token.")
    if token_ref:
        try:
            check_reference(token_ref)
        except SecretProblem as problem:
            raise Refused(str(problem)) from None
    account.bot_token, account.token_ref = token, token_ref
    account.bot_token_set_at = timezone.now() if token or token_ref else None


def replace(account: Account, *, token: str, token_ref: str) -> str:
    """As `put` for a saved account, inside the change's transaction; returns what the audit log says about it.

    Buttons that the old token signed go on working for a while.
    """
    before = shown(account)
    button_secrets.token_is_replaced(account.pk)
    put(account, token=token, token_ref=token_ref)
    after = shown(account)
    return "changed" if before == after else f"{before} → {after}"


def shown(account: Account) -> str:
    """What may be shown of the token: where it is, never what it is."""
    if account.token_ref:
        return account.token_ref
    return "stored" if account.bot_token else "none"


def origin(base_url: str) -> tuple[str, str]:
    """Scheme and host with port: what decides who gets to see a token."""
    parts = urlsplit(base_url)
    return parts.scheme, parts.netloc


def refuse_at_new_host(account: Account, old_url: str, new_url: str) -> None:
    """Raise Refused: the address leads to another host, and the token was entered for the old one."""
    stored = bool(account.bot_token or account.token_ref)
    # The environment's token belongs to the environment's address; a first address may be entered beside it.
    if not new_url or not (stored or (old_url and account.account_id == effective.DEFAULT_ACCOUNT)):
        return
    raise Refused(
        f"The server address leads to another host ({urlsplit(new_url).netloc}). "
        "Enter the bot token again, since the stored one was entered for the old host."
    )


def refuse_second_account(account: Account, base_url: str) -> None:
    """Raise Refused when another enabled account already uses this bot on this server."""
    if not account.bot_user_id:
        return
    others = Account.objects.filter(bot_user_id=account.bot_user_id, enabled=True, archived_at=None)
    for other in others.exclude(pk=account.pk):
        if effective_url(other) == base_url:
            raise Refused(
                f"The account {other.account_id} already uses the bot @{other.bot_username or other.bot_user_id} on "
                "this server, and two would answer everything twice. Disable or archive it first, or use another "
                "bot's token."
            )


def note_bot(account: Account, tested: ConnectionTest | None, *, confirmed: bool) -> dict[str, Any]:
    """Take over who the bot is from a test that went well, without saving; what changed, for the audit log.

    Another bot than before needs confirmation, since it knows none of the old one's channels: cursors and what is
    known of direct channels are dropped.
    """
    if not tested or not tested.ok or tested.bot_user_id == account.bot_user_id:
        if tested and tested.ok:
            account.bot_username = tested.bot_username
        return {}
    if account.bot_user_id and not confirmed:
        raise ConfirmationNeeded(
            f"The token belongs to another bot than before: @{tested.bot_username} instead of "
            f"@{account.bot_username or account.bot_user_id}. "
            "Enter the old bot's token, or confirm the other bot on the account's page: what is known of the old bot's "
            "channels is then dropped, and messages that were sent to it while it was away are not answered."
        )
    change = [account.bot_username, tested.bot_username]
    if account.bot_user_id:
        drop_knowledge(account)
    account.bot_user_id, account.bot_username = tested.bot_user_id, tested.bot_username
    return {"bot": change}


def drop_knowledge(account: Account) -> None:
    """Forget how far the account's channels were read, and its direct channels: they were another bot's."""
    from mattermost_bridge.services import direct_channels

    ChannelCursor.objects.filter(account=account).delete()
    KnownChannel.objects.filter(account=account, type__in=PERSONAL_CHANNELS).delete()
    ListenerLease.objects.filter(account=account).update(proven_until=0)
    direct_channels.forget_bot(account.pk)


def identify(account_pk: int, bot_user_id: str, bot_username: str) -> Account:
    """A listener signed in and learned who the bot is; keep it, for an account that was saved untested.

    Raises ConfirmationNeeded for another bot than before, unless a configuration file gave the token: who writes one
    cannot be asked. Raises Refused when another account uses this bot.
    """
    same = Account.objects.filter(bot_user_id=bot_user_id, bot_username=bot_username, takes_other_bot=False)
    known = same.filter(pk=account_pk).first()
    if known is not None:
        return known
    with transaction.atomic():
        account = locked(account_pk)
        found = ConnectionTest(ok=True, bot_user_id=bot_user_id, bot_username=bot_username)
        changed = note_bot(account, found, confirmed=account.takes_other_bot)
        if account.enabled and not account.is_archived:
            refuse_second_account(account, effective_url(account))
        account.takes_other_bot = False
        account.save(update_fields=["bot_user_id", "bot_username", "takes_other_bot", "updated_at"])
        if changed:
            audit.record(
                actor=audit.SYSTEM,
                verb="account.identify",
                summary=f"The token of the account {account.account_id} belongs to @{bot_username}.",
                account=account,
                target=account,
                details=changed,
            )
        effective.bump_version()
    return account


def try_settings(
    account: Account | None, *, base_url: str = "", token: str = "", token_ref: str = ""
) -> ConnectionTest:
    """Test a form before it is saved; what it leaves empty is taken from `account`, as the saved account would.

    A stored token is only tried at the host that it was entered for. Call it outside of transactions.
    """
    if account is None:
        return test_connection(base_url, token, token_ref=token_ref)
    stored = effective.settings_for(account.pk)
    address = base_url.strip() or stored.base_url
    if token or token_ref:
        return test_connection(address, token, token_ref=token_ref)
    if base_url.strip() and origin(_normalised(address)) != origin(stored.base_url):
        return ConnectionTest(
            ok=False,
            problem="The server address leads to another host. Enter the bot token again to test it there.",
        )
    if stored.token_problem:
        return ConnectionTest(ok=False, problem=stored.token_problem)
    return test_connection(address, stored.token)


def works_again(account: Account) -> None:
    """A test with the new token went well: what waited for it may be sent."""
    from mattermost_bridge.services import outbox

    outbox.unpark(account.pk)


def _normalised(address: str) -> str:
    try:
        return normalise_base_url(address)
    except ValueError:
        return address
