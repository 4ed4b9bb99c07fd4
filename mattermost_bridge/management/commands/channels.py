"""`Durar channels list | status | resolve`: the accounts, where each stands, and what names mean."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from mattermost_bridge.management import terminal
from mattermost_bridge.management.database import DatabaseCommand
from mattermost_bridge.management.naming import account_named
from mattermost_bridge.models.states import ConnectionPhase
from mattermost_bridge.services import channel_report, targets
from mattermost_bridge.services.errors import Refused
from mattermost_bridge.services.usable import usable

PREFIXES = {"user": "@", "group": "#"}


class Command(DatabaseCommand):
    """Channels on the command line."""

    help = "List the accounts, say where each stands, or find out whom or what targets mean."

    def add_arguments(self, parser: CommandParser) -> None:
        """One sub-command with its arguments."""
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="list|status|resolve")
        listing = verbs.add_parser("list", help="every account: its server, where its token is, who answers")
        listing.add_argument("--json", action="store_true", help="print JSON")
        standing = verbs.add_parser("status", help="where each account's connection stands, and what waits")
        standing.add_argument("--probe", action="store_true", help="ask each server, too; exit status 1 if one fails")
        standing.add_argument("--account", metavar="A", help="only this account")
        standing.add_argument("--json", action="store_true", help="print JSON")
        resolving = verbs.add_parser("resolve", help="say which ids these targets are")
        resolving.add_argument("entries", nargs="+", metavar="TARGET", help="@username, #channel, team/channel, an id")
        resolving.add_argument(
            "--kind", choices=("auto", "user", "group"), default="auto", help="what a name without a prefix is"
        )
        resolving.add_argument("--channel", default="mattermost", help="mattermost; may be left out")
        resolving.add_argument("--account", metavar="A", help="at whose server; without it the default account's")
        resolving.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the sub-command. Problems end it with a sentence and exit status 1."""
        if options["verb"] == "list":
            self._list(as_json=options["json"])
        elif options["verb"] == "status":
            self._status(options)
        else:
            self._resolve(options)

    def _list(self, *, as_json: bool) -> None:
        rows = channel_report.listed()
        if as_json:
            terminal.print_json(self.stdout, [row.as_json() for row in rows])
            return
        columns = ("Account", "Name", "In use", "Server", "Token", "Bot", "Agent")
        cells = [
            (
                *(row.account, row.name, "yes" if row.enabled else "no", row.base_url or "-", row.token),
                *(f"@{row.bot}" if row.bot else "-", row.agent or "-"),
            )
            for row in rows
        ]
        self._table("Accounts of the channel mattermost", columns, cells)
        for row in rows:
            if row.problem:
                self.stdout.write(f"{row.account}: {row.problem}")

    def _status(self, options: dict[str, Any]) -> None:
        only = account_named(options["account"]) if options["account"] is not None else None
        rows = channel_report.statuses(account_pk=only, probe=options["probe"])
        failed = [row.account for row in rows if row.probe and not row.probe["ok"]]
        if options["json"]:
            terminal.print_json(self.stdout, [row.as_json() for row in rows])
        else:
            columns = ("Account", "Connection", "Since", "Last event", "Posts waiting", "Pairings waiting")
            cells = [
                (
                    *(
                        row.account,
                        str(ConnectionPhase(row.state).label),
                        _moment(row.since),
                        _moment(row.last_event_at),
                    ),
                    *(str(row.posts_waiting), str(row.pairings_waiting)),
                )
                for row in rows
            ]
            self._table("Where the accounts stand", columns, cells)
            for row in rows:
                if row.reason and not row.connected:
                    self.stdout.write(f"{row.account}: {row.reason}")
                if row.probe:
                    self.stdout.write(f"{row.account}: {_probed(row.probe)}")
        if failed:
            raise CommandError(f"The probe failed: {', '.join(failed)}. `Durar doctor` says what to do.")

    def _table(self, title: str, columns: tuple[str, ...], cells: Sequence[tuple[str, ...]]) -> None:
        if not cells:
            self.stdout.write(
                "There are no accounts yet. Add one in the panel, or import a file: Durar config import FILE"
            )
        elif terminal.is_terminal(self.stdout):
            terminal.print_table(self.stdout, title, columns, cells)
        else:
            for row in cells:
                self.stdout.write("\t".join(row))

    def _resolve(self, options: dict[str, Any]) -> None:
        if options["channel"].strip().lower() != "mattermost":
            raise CommandError(f"Invalid channel: {options['channel']}. Durar bridges mattermost.")
        try:
            account = usable(account_named(options["account"]))
        except Refused as problem:
            raise CommandError(str(problem)) from None
        rows = [self._row(account, entry, options["kind"]) for entry in options["entries"]]
        if options["json"]:
            terminal.print_json(self.stdout, rows)
        else:
            for row in rows:
                shown = f"{row['id']}\t{row['name']}" if row["resolved"] else f"-\t{row['error']}"
                self.stdout.write(f"{row['input']}\t{shown}")
        if unresolved := [row["input"] for row in rows if not row["resolved"]]:
            raise CommandError(f"Not resolved: {', '.join(unresolved)}.")

    def _row(self, account: Any, entry: str, kind: str) -> dict[str, Any]:
        words = entry
        if kind in PREFIXES and entry[:1] not in ("@", "#", "~") and ":" not in entry:
            words = PREFIXES[kind] + entry
        try:
            target = targets.resolve(account, words)
        except Refused as problem:
            return {"input": entry, "resolved": False, "error": str(problem)}
        found = f"user:{target.user_id}" if target.user_id else f"channel:{target.channel_id}"
        return {"input": entry, "resolved": True, "id": found, "name": target.username or entry.lstrip("#~")}


def _moment(at: datetime | None) -> str:
    return timezone.localtime(at).isoformat(sep=" ", timespec="seconds") if at else "-"


def _probed(probe: dict[str, Any]) -> str:
    if not probe["ok"]:
        return str(probe["problem"])
    teams = f", in {', '.join(probe['teams'])}" if probe["teams"] else ""
    return f"the server takes the token: @{probe['bot']}{teams}. {probe['warning']}".rstrip()
