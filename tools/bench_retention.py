"""How long the retention of bodies takes over a million events, on a database of its own.

Makes the records, then blanks what is due in the very batches of `services.retention`, look after look, as the
scheduler does every ten minutes. Prints rows, times and the longest single batch (others that write wait that long at
most), then looks whether anything was left or lost. `--small` takes a hundredth of the records; with `--state DIR` the
database is made there and kept. It ends with status 1 when a body was left, or a row is gone. With DATABASE_URL in the
environment the records are made there: give an empty database.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tools.bench_pages import FULL, console, fill  # noqa: E402

#: So long ago the oldest event is: half of them are older than what accounts keep of answers by themselves.
DAYS = 60


def blank_all() -> int:
    """Blank what is due, look after look, and print what it took. Returns the exit status."""
    import django

    django.setup()
    from django.db.models import Q
    from django.utils import timezone

    from mattermost_bridge.models import Delivery, InboundEvent, Turn
    from mattermost_bridge.services import retention

    models = (InboundEvent, Turn, Delivery)
    before = {model.__name__: model.objects.count() for model in models}
    batches: list[tuple[float, int]] = []
    timed(retention, "blank_events", batches)
    timed(retention, "_blank_turns", batches)
    timed(retention, "_blank_deliveries", batches)
    looks, rows, begin = 0, 0, time.perf_counter()
    while done := retention.blank_old():
        looks, rows = looks + 1, rows + done
    took = time.perf_counter() - begin
    begin = time.perf_counter()
    retention.blank_old()
    idle = time.perf_counter() - begin
    longest, median = max(batches)[0], sorted(batches)[len(batches) // 2][0]
    console.print(
        f"{rows:,} rows blanked in {took:.1f} s ({rows / took:,.0f} a second), in {looks} looks of at most 20 s"
    )
    console.print(
        f"{len(batches):,} batches; the median took {median * 1000:.0f} ms, the longest {longest * 1000:.0f} ms"
    )
    console.print(f"a look that finds nothing takes {idle * 1000:.0f} ms")

    now = timezone.now()
    day, month = now - retention.UNADMITTED, now - timedelta(days=30)
    over = Q(outcome="admitted", received_at__lt=month) | Q(received_at__lt=day) & ~Q(outcome="admitted")
    left = InboundEvent.objects.filter(over, state__in=["decided", "answered", "failed"]).exclude(text="").count()
    left += Turn.objects.filter(created_at__lt=month).exclude(question="", answer="").count()
    left += Delivery.objects.filter(settled_at__lt=month).exclude(text="").count()
    kept = InboundEvent.objects.exclude(text="").count()
    after = {model.__name__: model.objects.count() for model in models}
    nameless = InboundEvent.objects.filter(Q(reason="") | Q(dedupe_key="") | Q(user_id="")).count()
    console.print(f"left although their time is over: {left}; with their text, as they should be: {kept:,}")
    console.print(f"rows before and after: {before} {after}; without key, reason or sender: {nameless}")
    return 1 if left or before != after or nameless or not rows else 0


def timed(module: Any, name: str, batches: list[tuple[float, int]]) -> None:
    """Let a function of the module note how long each of its calls took, and how many rows it did."""
    real = getattr(module, name)

    def call(*args: Any, **named: Any) -> int:
        begin = time.perf_counter()
        done = int(real(*args, **named))
        batches.append((time.perf_counter() - begin, done))
        return done

    setattr(module, name, call)


def main() -> int:
    """Make the records and blank."""
    parser = argparse.ArgumentParser(description="Retention over a million events.")
    parser.add_argument("--small", action="store_true", help="a hundredth of the records")
    parser.add_argument("--state", type=Path, help="make the database there, and keep it")
    options = parser.parse_args()
    amounts = {name: max(count // 100, 3) if options.small else count for name, count in FULL.items()}
    # What is looked at is one account's or many accounts' rows alike; fewer accounts make longer lists.
    amounts = {**amounts, "accounts": 12, "days": DAYS}
    with tempfile.TemporaryDirectory(prefix="durar-retention-") as folder:
        state = options.state or Path(folder)
        state.mkdir(parents=True, exist_ok=True)
        begin = time.perf_counter()
        fill(state, amounts)
        console.print(f"{amounts['events']:,} events over {DAYS} days made in {time.perf_counter() - begin:.0f} s")
        os.environ["DURAR_STATE_DIR"] = str(state)
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "durar_site.settings")
        return blank_all()


if __name__ == "__main__":
    raise SystemExit(main())
