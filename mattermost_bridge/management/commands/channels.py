"""`Durar channels resolve`: what names of people and channels mean, without writing anything."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from mattermost_bridge.management import terminal
from mattermost_bridge.management.naming import account_named
from mattermost_bridge.services import targets
from mattermost_bridge.services.errors import Refused
from mattermost_bridge.services.usable import usable

PREFIXES = {"user": "@", "group": "#"}


class Command(BaseCommand):
    """Channels on the command line."""

    help = "Find out whom or what targets mean."

    def add_arguments(self, parser: CommandParser) -> None:
        """One sub-command, for the targets that follow."""
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="resolve")
        resolving = verbs.add_parser("resolve", help="say which ids these targets are")
        resolving.add_argument("entries", nargs="+", metavar="TARGET", help="@username, #channel, team/channel, an id")
        resolving.add_argument(
            "--kind", choices=("auto", "user", "group"), default="auto", help="what a name without a prefix is"
        )
        resolving.add_argument("--channel", default="mattermost", help="mattermost; may be left out")
        resolving.add_argument("--account", metavar="A", help="at whose server; without it the default account's")
        resolving.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Resolve each; exit status 1 when one of them means nothing."""
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
