"""Page times of a full panel, as a part of `make bench`: 300 accounts, 10,000 people, a million events.

Each page is opened over Django's test client, so what is measured is Durar's work without the network: a first time,
then the median of some. Beside each stands how many queries it makes. `--small` takes a hundredth of the records, to
try the tool. Nothing here asserts anything: a time above the aim is marked. With `--state DIR` the records are made
once and kept there.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

console = Console()
FULL = {"accounts": 300, "people": 10_000, "events": 1_000_000, "deliveries": 100_000}
#: Seconds in which a page should be there.
AIM = 0.5
PAGES = {
    "first page": "/",
    "first page, again": "/",
    "accounts": "/mattermost_bridge/account/",
    "accounts in trouble": "/mattermost_bridge/account/?connection=trouble",
    "account: overview": "/mattermost_bridge/account/{account}/overview/",
    "account: access": "/mattermost_bridge/account/{account}/access/",
    "account: activity": "/mattermost_bridge/account/{account}/activity/",
    "account: settings": "/mattermost_bridge/account/{account}/change/",
    "pairing requests": "/mattermost_bridge/pairingrequest/",
    "access entries": "/mattermost_bridge/accessentry/",
    "events": "/mattermost_bridge/inboundevent/",
    "events not answered": "/mattermost_bridge/inboundevent/?question=silent",
    "events of one account": "/mattermost_bridge/inboundevent/?account={account}",
    "events of one day": "/mattermost_bridge/inboundevent/?since=24h",
    "conversations": "/mattermost_bridge/conversation/",
    "turns": "/mattermost_bridge/turn/",
    "turns that failed": "/mattermost_bridge/turn/?state=failed",
    "deliveries": "/mattermost_bridge/delivery/",
    "deliveries not sent": "/mattermost_bridge/delivery/?question=dead",
    "connection changes": "/mattermost_bridge/connectionchange/",
    "audit log": "/mattermost_bridge/auditentry/",
}


def fill(state: Path, amounts: dict[str, int]) -> None:
    """A migrated database with made-up records, unless there is one."""
    environment = {**os.environ, "DURAR_STATE_DIR": str(state)}
    options = [f"--{name}={count}" for name, count in amounts.items()]
    new = not (state / "durar.sqlite3").exists()
    for command in (
        ["migrate", "--verbosity=0", "--skip-checks"],
        *([["make_sample_data", "--skip-checks", *options]] if new else []),
    ):
        subprocess.run([sys.executable, str(ROOT / "manage.py"), *command], env=environment, check=True)  # noqa: S603


def measure(samples: int) -> list[tuple[str, float, float, int]]:
    """For each page: seconds for the first time, the median of the others, and queries."""
    import django

    django.setup()
    from django.conf import settings
    from django.contrib.auth.models import User
    from django.core.cache import cache
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext, setup_test_environment

    from mattermost_bridge.models import Account

    setup_test_environment()
    settings.ALLOWED_HOSTS = ["testserver"]
    user, _made = User.objects.get_or_create(username="bench", is_staff=True, is_superuser=True)
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    account = Account.objects.order_by("pk").values_list("pk", flat=True)[0]
    client.get("/mattermost_bridge/agent/")  # templates and addresses are loaded once in a process
    figures = []
    for name, pattern in PAGES.items():
        address, times = pattern.format(account=account), []
        for _ in range(samples + 1):
            if name == "first page":
                cache.clear()  # as if nobody had looked for a while
            begun = time.perf_counter()
            answer = client.get(address)
            times.append(time.perf_counter() - begun)
            assert answer.status_code == 200, f"{address} answered {answer.status_code}"
        if name == "first page":
            cache.clear()
        with CaptureQueriesContext(connection) as queries:
            client.get(address)
        figures.append((name, times[0], statistics.median(times[1:]), len(queries)))
    return figures


def main() -> None:
    """Make the records, open the pages, print the times."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=5, help="how often each page is opened after the first time")
    parser.add_argument("--small", action="store_true", help="a hundredth of the records")
    parser.add_argument("--state", type=Path, help="make the records in this directory, or use those that are there")
    options = parser.parse_args()
    amounts = {name: count // 100 if options.small else count for name, count in FULL.items()}
    with tempfile.TemporaryDirectory(prefix="durar-pages-") as folder:
        state = options.state or Path(folder)
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.environ |= {
            "DURAR_STATE_DIR": str(state),
            "DJANGO_SETTINGS_MODULE": "durar_site.settings",
            "DURAR_LOG_LEVEL": "ERROR",
        }
        console.print("Making records for the panel: " + ", ".join(f"{n:,} {what}" for what, n in amounts.items()))
        fill(state, amounts)
        table = Table("page", "first, ms", "median, ms", "queries")
        for name, first, median, queries in measure(options.samples):
            mark = "" if median <= AIM else f"  above {AIM * 1000:.0f}"
            table.add_row(name, f"{first * 1000:.0f}", f"{median * 1000:.0f}{mark}", str(queries))
        console.print(table)


if __name__ == "__main__":
    main()
