"""`Durar plugins list | install`: channels. Mattermost is the one, and it is built in."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from mattermost_bridge.management import terminal

#: How the channel's package is called where it is a plugin of its own.
PACKAGE = "@durar/mattermost"


class Command(BaseCommand):
    """Plugins on the command line: there is nothing to install, and this says so."""

    help = "List the channels, or be told that Mattermost needs no installation."

    def add_arguments(self, parser: CommandParser) -> None:
        """Two sub-commands."""
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="list|install")
        listing = verbs.add_parser("list", help="the channels that there are")
        listing.add_argument("--json", action="store_true", help="print JSON")
        installing = verbs.add_parser("install", help="say that Mattermost is built in")
        installing.add_argument("source", metavar="PLUGIN", help=f"{PACKAGE}, or the path of a local checkout of it")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the sub-command; exit status 1 for a plugin that is not Mattermost."""
        if options["verb"] == "list":
            row = {"id": "mattermost", "package": PACKAGE, "version": settings.VERSION, "source": "built in"}
            if options["json"]:
                terminal.print_json(self.stdout, [row])
            else:
                self.stdout.write(f"mattermost\t{settings.VERSION}\tbuilt in")
            return
        if not _is_mattermost(options["source"]):
            raise CommandError(
                f"{options['source']} is no plugin of Durar's: it bridges Mattermost, which is built in, and installs "
                "nothing else."
            )
        self.stdout.write(f"Mattermost is built in (version {settings.VERSION}). Nothing was installed.")


def _is_mattermost(source: str) -> bool:
    """Whether the words name the Mattermost channel: its name, its package with or without a version, or a path whose
    last part has its name."""
    words = source.strip().casefold().rstrip("/\\")
    if words.startswith("@"):
        return words.removeprefix("@").partition("@")[0] == PACKAGE.removeprefix("@")
    return "mattermost" in words.replace("\\", "/").rpartition("/")[2]
