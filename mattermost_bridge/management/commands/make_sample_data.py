"""`Durar make_sample_data`: made-up records, to see the panel full and to measure its pages. For development."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from mattermost_bridge.models import Account
from mattermost_bridge.sample_data.making import Amounts, Maker
from mattermost_bridge.sample_data.texts import PREFIX


class Command(BaseCommand):
    """Fills a database with made-up records."""

    help = (
        "Fills the database with made-up accounts, people, events and deliveries, for development: to see how the "
        "panel looks and how fast it is. Refuses when there are real accounts."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """How much of what."""
        usual = Amounts()
        parser.add_argument("--accounts", type=int, default=usual.accounts)
        parser.add_argument("--people", type=int, default=usual.people)
        parser.add_argument("--events", type=int, default=usual.events)
        parser.add_argument("--deliveries", type=int, default=usual.deliveries, help="answers, with their turns")
        parser.add_argument("--days", type=int, default=usual.days, help="over how many days until now")
        parser.add_argument("--seed", type=int, default=7, help="another one makes other records")
        parser.add_argument(
            "--among-real-accounts", action="store_true", help="also in a database in which there are real accounts"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Check, then make."""
        amounts = Amounts(**{name: options[name] for name in ("accounts", "people", "events", "deliveries", "days")})
        if min(amounts.accounts, amounts.days) < 1 or min(amounts.people, amounts.events, amounts.deliveries) < 0:
            raise CommandError("Numbers must not be negative; there must be at least one account and one day.")
        if amounts.deliveries > amounts.events:
            raise CommandError("There cannot be more answers (--deliveries) than messages (--events).")
        real = Account.objects.exclude(account_id__startswith=PREFIX).order_by("account_id")
        if real.exists() and not options["among_real_accounts"]:
            named = ", ".join(real.values_list("account_id", flat=True)[:5])
            raise CommandError(
                f"This database has real accounts ({named}), and made-up records cannot be told apart once they are "
                "counted and charted. Use a database of its own (DURAR_STATE_DIR or DATABASE_URL), or say "
                "--among-real-accounts."
            )
        Maker(amounts, seed=options["seed"], say=self.stdout.write).make()
