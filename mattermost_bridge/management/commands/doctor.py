"""`Durar doctor`: what is wrong with the installation and its accounts, why, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandError, CommandParser

from mattermost_bridge.management import terminal
from mattermost_bridge.management.database import DatabaseCommand
from mattermost_bridge.management.naming import account_named
from mattermost_bridge.rules.doctor import Finding, Level, is_broken
from mattermost_bridge.services import diagnosis


class Command(DatabaseCommand):
    """The diagnosis on the command line."""

    help = "Look at the installation and its accounts, and say what is wrong, why, and what to do."
    # The doctor says itself what is wrong with the configuration, instead of not starting.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """For one account or all, as text or as JSON."""
        parser.add_argument("--account", metavar="A", help="only this account; without it all that are enabled")
        parser.add_argument("--json", action="store_true", help="print JSON")
        parser.add_argument(
            "--no-trials",
            action="store_true",
            help="do not have Mattermost call Durar: nothing is posted, for checks every few minutes",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the findings, of each account as soon as it was looked at; exit status 1 when something is broken."""
        found: list[Finding] = []
        parts = self._look(options["account"], prove=not options["no_trials"])
        while True:
            with terminal.logs_to_stderr():
                part = next(parts, None)
            if part is None:
                break
            found += part
            if not options["json"]:
                self._print(part)
        if options["json"]:
            terminal.print_json(self.stdout, {"ok": not is_broken(found), "findings": [one.as_json() for one in found]})
        if count := sum(one.level is Level.BROKEN for one in found):
            raise CommandError(f"{count} {'thing is' if count == 1 else 'things are'} broken.")

    def _look(self, name: str | None, *, prove: bool) -> Iterator[list[Finding]]:
        """What was found of the installation, then of one account after the other."""
        found = diagnosis.of_installation()
        yield found
        if any(one.id == "database.broken" for one in found):
            return
        for pk in [account_named(name)] if name is not None else diagnosis.accounts_to_look_at():
            yield diagnosis.of_account(pk, prove=prove)

    def _print(self, found: list[Finding]) -> None:
        styles = {Level.BROKEN: self.style.ERROR, Level.WARNING: self.style.WARNING, Level.FINE: self.style.SUCCESS}
        for number, one in enumerate(found):
            if number == 0:
                self.stdout.write(f"\nAccount {one.account}" if one.account else "Installation")
            self.stdout.write(f"  {styles[one.level](f'{one.level:<8}')} {one.cause}  [{one.id}]")
            if one.remedy:
                self.stdout.write(f"           → {one.remedy}")
