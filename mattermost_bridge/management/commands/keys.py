"""`Durar keys status | rotate`: with which key secrets are encrypted, and encrypting them anew with the first."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from mattermost_bridge.management.database import DatabaseCommand
from mattermost_bridge.management.terminal import operator
from mattermost_bridge.services import stored_secrets
from mattermost_bridge.services.stored_secrets import Count


class Command(DatabaseCommand):
    """The encryption keys on the command line."""

    help = "Say with which of DURAR_ENCRYPTION_KEYS secrets are encrypted, or encrypt all of them with the first."

    def add_arguments(self, parser: CommandParser) -> None:
        """Two sub-commands without arguments."""
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="status|rotate")
        verbs.add_parser("status", help="say how many secrets an older key holds, and change nothing")
        verbs.add_parser("rotate", help="encrypt with the first key what older ones hold; can be run again")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the sub-command; exit status 1 while something is left that cannot be read."""
        if options["verb"] == "rotate":
            rotation = stored_secrets.rotate(actor=operator())
            self.stdout.write(f"{_secrets(rotation.done)} encrypted anew with the first key.")
            self._say(rotation.left)
        else:
            self._say(stored_secrets.look())

    def _say(self, counts: dict[str, Count]) -> None:
        total = sum(count.total for count in counts.values())
        older = sum(count.older - count.unreadable for count in counts.values())
        for name, count in counts.items():
            if count.older > count.unreadable:
                self.stdout.write(f"  {name}: {count.older - count.unreadable} of {count.total} under an older key")
        if unreadable := sum(count.unreadable for count in counts.values()):
            places = ", ".join(f"{name} ({count.unreadable})" for name, count in counts.items() if count.unreadable)
            raise CommandError(
                f"{_secrets(unreadable)} cannot be read with any of DURAR_ENCRYPTION_KEYS: {places}. Put the key they "
                "were saved with back into the list, behind the first, and run this again; or enter them again."
            )
        if older:
            self.stdout.write(f"{_secrets(older)} of {total} still need an older key. Run: Durar keys rotate")
        else:
            self.stdout.write(
                f"All {total} stored secrets are encrypted with the first key: the others can be removed from "
                "DURAR_ENCRYPTION_KEYS, on every host."
            )


def _secrets(count: int) -> str:
    return f"{count} secret{'' if count == 1 else 's'}"
