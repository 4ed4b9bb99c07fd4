"""`Durar config import FILE | check FILE | export`: the configuration as a file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from mattermost_bridge.config import exporter, importer
from mattermost_bridge.config.reading import ConfigError
from mattermost_bridge.management.database import DatabaseCommand
from mattermost_bridge.management.terminal import operator
from mattermost_bridge.models.fields import WrongKeyError


class Command(DatabaseCommand):
    """Take a configuration file in, look what it would change, or write one."""

    help = "Import, check or export the configuration (JSON5, with the original gateway's keys)."

    def add_arguments(self, parser: CommandParser) -> None:
        """One sub-command with its arguments."""
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="import|check|export")
        taken = verbs.add_parser("import", help="replace what the file can express; keeps pairings and blocked people")
        taken.add_argument("file", metavar="FILE.json5", help="the file, or - for standard input")
        checked = verbs.add_parser("check", help="say what importing the file would change, and change nothing")
        checked.add_argument("file", metavar="FILE.json5", help="the file, or - for standard input")
        verbs.add_parser("export", help="print the configuration; secrets are references or a word that keeps them")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the sub-command. Problems end it with their sentences and exit status 1."""
        try:
            if options["verb"] == "export":
                self.stdout.write(exporter.export(), ending="")
            else:
                self._take(options["file"], only_look=options["verb"] == "check")
        except ConfigError as error:
            count = len(error.problems)
            head = f"{options['file']} cannot be used; nothing was changed."
            raise CommandError(
                "\n".join([head if count == 1 else f"{head} {count} problems:", *error.problems])
            ) from None
        except WrongKeyError as error:
            raise CommandError(str(error)) from None

    def _take(self, name: str, *, only_look: bool) -> None:
        text = self._read(name)
        carry_out = importer.preview if only_look else importer.run
        imported = carry_out(text, actor=operator("import"))
        for note in imported.notes:
            self.stdout.write(f"note: {note}")
        for line in imported.changes.lines:
            self.stdout.write(line)
        count = len(imported.changes.lines)
        changes = f"{count} change{'' if count == 1 else 's'}"
        if not count:
            self.stdout.write(f"{name}: nothing to change.")
        elif only_look:
            self.stdout.write(f"{name}: importing it would make {changes}. Nothing was changed.")
        else:
            self.stdout.write(self.style.SUCCESS(f"{name}: imported, {changes}."))

    def _read(self, name: str) -> str:
        try:
            raw = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
            return raw.decode("utf-8-sig")
        except OSError as error:
            raise CommandError(f"{name} cannot be read: {error.strerror}.") from None
        except UnicodeDecodeError as error:
            line = raw[: error.start].count(b"\n") + 1
            raise CommandError(f"{name} is not text in UTF-8 (line {line}). Save it as UTF-8.") from None
