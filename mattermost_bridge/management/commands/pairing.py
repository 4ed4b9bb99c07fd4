"""`Durar pairing list | approve | reject | revoke | block`: who waits to talk to a bot, and what is decided."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from mattermost_bridge.config.names import normalise_account_id
from mattermost_bridge.management import terminal
from mattermost_bridge.management.database import DatabaseCommand
from mattermost_bridge.models import AccessEntry, Account, PairingRequest
from mattermost_bridge.models.states import AccessList, EntrySource
from mattermost_bridge.rules.access import normalise_entry
from mattermost_bridge.rules.pairing import normalise_code
from mattermost_bridge.services import pairing
from mattermost_bridge.services.errors import Refused

CHANNEL = "mattermost"


class Command(DatabaseCommand):
    """The pairing queue on the command line."""

    help = "List pairing requests, and approve, reject, block or revoke."

    def add_arguments(self, parser: CommandParser) -> None:
        """One sub-command with its arguments; the channel may be left out, since there is only one kind."""
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="list|approve|reject|revoke|block")
        listing = verbs.add_parser("list", help="who waits")
        listing.add_argument("words", nargs="*", metavar="mattermost")
        listing.add_argument("--json", action="store_true", help="print JSON")
        for verb, text in (
            ("approve", "let a person write to the bot directly; they are told, and what they wrote is answered"),
            ("reject", "turn a request down; the person may ask again"),
            ("block", "turn a request down and answer the person no more"),
        ):
            deciding = verbs.add_parser(verb, help=text)
            deciding.add_argument("words", nargs="*", metavar="[mattermost] CODE")
            if verb == "approve":
                deciding.add_argument("--notify", action="store_true", help="taken for granted: people are always told")
        revoking = verbs.add_parser("revoke", help="take an approval back, by user id, @name or the code of that time")
        revoking.add_argument("words", nargs="*", metavar="[mattermost] PERSON")
        for each in verbs.choices.values():
            each.add_argument("--channel", help="mattermost, as an option")
            each.add_argument("--account", metavar="A", help="only this account")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the sub-command. Problems end it with a sentence and exit status 1."""
        verb = options["verb"]
        what = self._words(verb, options["words"], options["channel"])
        account_id = self._account(options["account"])
        try:
            if verb == "list":
                self._list(account_id, as_json=options["json"])
            elif verb == "revoke":
                self._revoke(what, account_id)
            else:
                self._decide(verb, what, account_id)
        except Refused as problem:
            raise CommandError(str(problem)) from None

    def _list(self, account_id: str | None, *, as_json: bool) -> None:
        account = Account.objects.filter(account_id=account_id).first() if account_id else None
        requests = pairing.pending(account.pk if account else None)
        if as_json:
            terminal.print_json(self.stdout, {"channel": CHANNEL, "requests": [_as_json(each) for each in requests]})
        elif not requests:
            self.stdout.write(f"No pending {CHANNEL} pairing requests.")
        elif terminal.is_terminal(self.stdout):
            title = f"Pairing requests ({len(requests)})"
            columns = ("Code", "Person", "mattermostUserId", "Account", "Requested", "Expires in")
            terminal.print_table(self.stdout, title, columns, [_row(each) for each in requests])
        else:
            self.stdout.write(f"Pairing requests ({len(requests)})")
            for each in requests:
                self.stdout.write("\t".join(_row(each)))

    def _decide(self, verb: str, code: str, account_id: str | None) -> None:
        request = pairing.by_code(code, account_id)
        actor = terminal.operator()
        who = request.user_id
        if verb == "approve":
            approved = pairing.approve(request_id=request.pk, actor=actor)
            self.stdout.write(self.style.SUCCESS(f"Approved {CHANNEL} sender {who}."))
            if approved.messages:
                count = approved.messages
                self.stdout.write(f"{count} earlier message{'' if count == 1 else 's'} will be answered.")
        elif verb == "reject":
            pairing.reject(request_id=request.pk, actor=actor)
            self.stdout.write(f"Rejected {CHANNEL} sender {who}. They may ask again by writing to the bot.")
        else:
            pairing.block(request_id=request.pk, actor=actor)
            self.stdout.write(f"Blocked {CHANNEL} sender {who}. The bot does not answer them any more.")

    def _revoke(self, who: str, account_id: str | None) -> None:
        entries = _approvals(who, account_id)
        if not entries:
            raise CommandError(
                f"Nobody with an approved pairing is meant by {who}. Name the person's user id, @name or the code that "
                "was approved."
            )
        accounts = sorted({entry.account.account_id for entry in entries if entry.account})
        if len(accounts) > 1:
            raise CommandError(
                f"{who} has approved pairings with several accounts ({', '.join(accounts)}). Name one with --account."
            )
        people = sorted({entry.value for entry in entries})
        if len(people) > 1:
            raise CommandError(f"{who} means several people: {', '.join(people)}. Name the user id.")
        entry = entries[0]
        if entry.account_id is not None:
            pairing.revoke(account_pk=entry.account_id, user_id=entry.value, actor=terminal.operator())
        self.stdout.write(f"Revoked {CHANNEL} sender {entry.value} of the account {accounts[0]}.")

    def _words(self, verb: str, words: list[str], channel: str | None) -> str:
        """What is meant beside the channel, which may stand first, or as an option, or nowhere."""
        words = list(words)
        wanted = 0 if verb == "list" else 1
        first_is_channel = bool(words) and (len(words) > wanted or (len(words) == 1 and words[0].lower() == CHANNEL))
        named = words.pop(0) if first_is_channel and channel is None else channel
        usage = f"Durar pairing {verb} {CHANNEL}" + ("" if not wanted else " PERSON" if verb == "revoke" else " CODE")
        if named is not None and named.strip().lower() != CHANNEL:
            raise CommandError(f"Invalid channel: {named}. Durar bridges {CHANNEL}. Use: {usage}")
        if len(words) > wanted:
            raise CommandError(f"Too many arguments. Use: {usage}")
        if len(words) < wanted:
            raise CommandError(f"{'The person' if verb == 'revoke' else 'The code'} is missing. Use: {usage}")
        return words[0].strip() if words else ""

    def _account(self, name: str | None) -> str | None:
        if name is None:
            return None
        if not name.strip():
            raise CommandError("--account must not be blank.")
        account_id = normalise_account_id(name)
        if not Account.objects.filter(account_id=account_id).exists():
            known = ", ".join(Account.objects.order_by("account_id").values_list("account_id", flat=True)) or "none yet"
            raise CommandError(f"There is no account {account_id}. Accounts: {known}.")
        return account_id


def _approvals(who: str, account_id: str | None) -> list[AccessEntry]:
    approvals = AccessEntry.objects.filter(list=AccessList.DM, source=EntrySource.PAIRING).select_related("account")
    if account_id is not None:
        approvals = approvals.filter(account__account_id=account_id)
    name = normalise_entry(who)
    found = list(approvals.filter(value=name)) or list(approvals.filter(username__iexact=name))
    if not found:
        request = PairingRequest.objects.filter(code=normalise_code(who)).order_by("-pk").first()
        found = list(approvals.filter(account=request.account_id, value=request.user_id)) if request else []
    return found


def _row(request: PairingRequest) -> tuple[str, ...]:
    return (
        request.code,
        f"@{request.username}" if request.username else "",
        request.user_id,
        request.account.account_id,
        f"{request.created_at:%Y-%m-%d %H:%M:%S} UTC",
        _minutes_left(request.expires_at),
    )


def _minutes_left(end: datetime) -> str:
    minutes = int((end - timezone.now()).total_seconds() // 60)
    return f"{minutes} min" if minutes >= 1 else "less than a minute"


def _as_json(request: PairingRequest) -> dict[str, Any]:
    return {
        "id": request.user_id,
        "code": request.code,
        "createdAt": request.created_at.isoformat(),
        "lastSeenAt": request.last_seen_at.isoformat(),
        "expiresAt": request.expires_at.isoformat(),
        "meta": {"name": request.username, "accountId": request.account.account_id},
    }
