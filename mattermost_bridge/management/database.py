"""The database as commands find it: not made yet, older than this program, or not there."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, ProgrammingError, connection
from django.db.migrations.executor import MigrationExecutor

from mattermost_bridge.models import Account
from mattermost_bridge.services import installation

#: Any number, the same on every host: whoever starts second waits until the first has migrated.
MIGRATION_LOCK = 7_301_846_220


class DatabaseCommand(BaseCommand):
    """A command that reads or writes records.

    On a machine where nothing ran yet it makes the database first, as `Durar up` does. One that is older than the
    program is left alone: the processes that use it may still run.
    """

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run the command. Raises CommandError with a sentence where the database cannot be used."""
        try:
            if not is_made():
                (options.get("stderr") or self.stderr).write("Preparing the database.\n")
                bring_up_to_date()
                installation.ensure_defaults()
            return super().execute(*args, **options)
        except (OperationalError, ProgrammingError) as error:
            if _is_older():
                raise CommandError(
                    "The database is older than this program. Start Durar with Durar up, or bring it up to date with "
                    "Durar migrate; then run this command again."
                ) from error
            raise CommandError(why_unusable(error)) from error


def is_made() -> bool:
    """Whether the database has Durar's tables. Raises OperationalError where it cannot be reached."""
    return Account._meta.db_table in connection.introspection.table_names()


def is_up_to_date() -> bool:
    """Whether no migration waits."""
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


def bring_up_to_date() -> None:
    """Migrate if there is something to migrate; of several hosts that start at once, one does."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [MIGRATION_LOCK])
    try:
        if not is_up_to_date():
            call_command("migrate", interactive=False, verbosity=0)
    finally:
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [MIGRATION_LOCK])


def why_unusable(error: Exception) -> str:
    """The sentence for a database that cannot be used, and where to look."""
    place = "DATABASE_URL" if not settings.EMBEDDED else f"the rights and the free space of {settings.STATE_DIR}"
    why = str(error).strip().partition("\n")[0].rstrip(".") or type(error).__name__
    return f"The database cannot be used: {why}. Check {place}."


def _is_older() -> bool:
    try:
        return not is_up_to_date()
    except (OperationalError, ProgrammingError):
        return False  # it cannot be asked, so that is what is wrong with it
