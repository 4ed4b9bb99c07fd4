"""`Durar directory peers | groups | refresh`: people and channels of an account's server, by name."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from mattermost_bridge.config.names import normalise_account_id
from mattermost_bridge.management import terminal
from mattermost_bridge.management.database import DatabaseCommand
from mattermost_bridge.models import Account
from mattermost_bridge.services import directory, directory_refresh
from mattermost_bridge.services.errors import Refused
from mattermost_bridge.services.known_names import known_people, known_rooms

#: So many known names are listed when nothing is searched for.
MOST_KNOWN = 1000


class Command(DatabaseCommand):
    """The directory on the command line."""

    help = "Find people and channels of an account's server by name, or fetch all of their names anew."

    def add_arguments(self, parser: CommandParser) -> None:
        """One sub-command each for people, channels and fetching."""
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="peers|groups|refresh")
        for verb, text in (
            ("peers", "people: with --query asked from the server, without it those that are known already"),
            ("groups", "channels and group messages, in the same way"),
        ):
            finding = verbs.add_parser(verb, help=text)
            finding.add_argument("--query", default="", metavar="Q", help="the beginning of a name, or an id")
            finding.add_argument("--limit", type=int, default=directory.DEFAULT_LIMIT, help="at most so many")
            finding.add_argument("--json", action="store_true", help="print JSON")
        verbs.add_parser("refresh", help="fetch the names of all people and channels of the bot's teams")
        for each in verbs.choices.values():
            each.add_argument("--account", metavar="A", help="whose server; without it the default account's")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the sub-command. Problems end it with a sentence and exit status 1."""
        try:
            account = directory.account_to_ask(self._account(options["account"]))
            if options["verb"] == "refresh":
                self._refresh(account.pk)
                return
            rows = self._find(account.pk, options["verb"], options["query"].strip(), max(1, options["limit"]))
        except Refused as problem:
            raise CommandError(str(problem)) from None
        if options["json"]:
            terminal.print_json(self.stdout, rows)
        elif not rows:
            hint = "" if options["query"] else " Search with --query, or fetch all of them: Durar directory refresh."
            self.stdout.write(f"Nothing was found.{hint}")
        elif terminal.is_terminal(self.stdout):
            table = [(row["name"], row["handle"], row["id"]) for row in rows]
            terminal.print_table(self.stdout, f"Found ({len(rows)})", ("Name", "Also", "Id"), table)
        else:
            for row in rows:
                self.stdout.write(f"{row['id']}\t{row['name']}\t{row['handle']}")

    def _find(self, account_pk: int, verb: str, query: str, limit: int) -> list[dict[str, str]]:
        if verb == "peers":
            if query:
                found = directory.search_people(account_pk, query, limit)
                self._warn(found.problem)
                people = found.people
            else:
                people = known_people(account_pk, "", MOST_KNOWN)
            return [
                {"kind": "user", "id": f"user:{each.user_id}", "name": each.username, "handle": each.display_name}
                for each in people
            ]
        if query:
            found = directory.search_channels(account_pk, query, limit)
            self._warn(found.problem)
            rooms = found.rooms
        else:
            rooms = known_rooms(account_pk, "", MOST_KNOWN)
        kinds = {"O": "channel"}
        return [
            {
                "kind": kinds.get(each.kind, "group"),
                "id": f"channel:{each.channel_id}",
                "name": each.name,
                "handle": each.display_name,
            }
            for each in rooms
        ]

    def _warn(self, problem: str) -> None:
        if problem:
            self.stderr.write(self.style.WARNING(problem))

    def _refresh(self, account_pk: int) -> None:
        done = directory_refresh.refresh(account_pk)
        self.stdout.write(f"Fetched the names of {done.people} people and {done.channels} channels.")
        if not done.complete:
            self.stdout.write("There are more: it took too long to fetch all of them. A search still finds the others.")

    def _account(self, name: str | None) -> int | None:
        if name is None:
            return None
        account_id = normalise_account_id(name)
        pk = Account.objects.filter(account_id=account_id).values_list("pk", flat=True).first()
        if pk is None:
            known = ", ".join(Account.objects.order_by("account_id").values_list("account_id", flat=True)) or "none yet"
            raise CommandError(f"There is no account {account_id}. Accounts: {known}.")
        return pk
