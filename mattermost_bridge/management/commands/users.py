"""`Durar users list | rights | reset-second-factor | end-sessions`: who signs in, also when nobody can any more."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import CommandError, CommandParser

from mattermost_bridge.management import terminal
from mattermost_bridge.management.database import DatabaseCommand
from mattermost_bridge.models import Account
from mattermost_bridge.services import people, second_factor, sessions
from mattermost_bridge.services.errors import NotFound, Refused
from mattermost_bridge.services.roles import BY_KEY


class Command(DatabaseCommand):
    """Users on the command line."""

    help = "List users, give them a role and accounts, reset a second factor, end sessions."

    def add_arguments(self, parser: CommandParser) -> None:
        """One sub-command with its arguments."""
        verbs = parser.add_subparsers(
            dest="verb", required=True, metavar="list|rights|reset-second-factor|end-sessions"
        )
        listing = verbs.add_parser("list", help="everybody with role, accounts and second factor")
        listing.add_argument("--json", action="store_true", help="print JSON")
        giving = verbs.add_parser("rights", help="give a role, and all accounts or only some")
        giving.add_argument("name", metavar="USER")
        giving.add_argument("role", choices=[*BY_KEY, "none"])
        giving.add_argument(
            "--account", action="append", metavar="A", help="only this account; may stand more than once"
        )
        giving.add_argument("--no-account", action="store_true", help="limited, and to no account at all")
        giving.add_argument("--why", default="", help="kept with new accounts, and in the audit log")
        resetting = verbs.add_parser("reset-second-factor", help="for somebody who lost theirs: the password is enough")
        resetting.add_argument("name", metavar="USER")
        ending = verbs.add_parser("end-sessions", help="sign somebody out everywhere")
        ending.add_argument("name", metavar="USER")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the sub-command. Problems end it with a sentence and exit status 1."""
        try:
            if options["verb"] == "list":
                self._list(as_json=options["json"])
                return
            user = User.objects.filter(username=options["name"]).first()
            if user is None:
                raise NotFound(f"There is no user {options['name']!r}. Durar users list shows them.")
            if options["verb"] == "rights":
                self._rights(user, options)
            elif options["verb"] == "reset-second-factor":
                second_factor.reset(user.pk, actor=terminal.operator())
                self.stdout.write(f"{user.username} signs in with the password alone now, and was signed out.")
            else:
                ended = sessions.end_all(user.pk, actor=terminal.operator())
                self.stdout.write(f"Sessions of {user.username} that were ended: {ended}.")
        except Refused as problem:
            raise CommandError(str(problem)) from None

    def _rights(self, user: User, options: dict[str, Any]) -> None:
        wanted = options["account"] or []
        if wanted and options["no_account"]:
            raise CommandError("--account and --no-account exclude each other.")
        accounts = dict(Account.objects.filter(account_id__in=wanted).values_list("account_id", "pk"))
        if unknown := [name for name in wanted if name not in accounts]:
            raise CommandError(f"There is no account {unknown[0]!r}. Its id stands in the panel below its name.")
        people.set_rights(
            user.pk,
            actor=terminal.operator(),
            role="" if options["role"] == "none" else options["role"],
            limited=bool(wanted) or options["no_account"],
            accounts=accounts.values(),
            why=options["why"],
        )
        self.stdout.write(f"Rights of {user.username}: {people.in_words(user)}.")

    def _list(self, *, as_json: bool) -> None:
        rows = [
            {
                "username": user.username,
                "active": user.is_active,
                "superuser": user.is_superuser,
                **people.described(user),
                "second_factor": second_factor.is_enrolled(user),
            }
            for user in User.objects.order_by("username")
        ]
        if as_json:
            terminal.print_json(self.stdout, {"users": rows})
            return
        for row in rows:
            role = "superuser" if row["superuser"] else row["role"] or "no role"
            accounts = (", ".join(row["accounts"]) or "no account") if row["limited"] else "all accounts"
            factor = "second factor" if row["second_factor"] else "password only"
            state = [] if row["active"] else ["switched off"]
            self.stdout.write("\t".join([row["username"], role, accounts, factor, *state]))
