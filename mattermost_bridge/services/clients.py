"""The client that services call a server with, each thread its own."""

from __future__ import annotations

from django.conf import settings

from mattermost_bridge.config.effective import AccountSettings
from mattermost_bridge.mattermost.rest import MattermostClient, client_for

CONNECT_SECONDS = 5.0


def client_of(account: AccountSettings, *, total: float | None = None) -> MattermostClient:
    """This thread's client of an account.

    A call takes `http_timeout` at most, which is shorter than `delivery_margin`: a POST is over before anybody else
    may take its claim for run out. With `total` it is a client of its own, whose calls take so many seconds at most.
    """
    if total is not None:
        key, timeout = (account.pk, "with its own time"), (min(CONNECT_SECONDS, total), total)
        return client_for(key, account.base_url, account.token, timeout=timeout)
    timeout = (CONNECT_SECONDS, settings.TIMES["http_timeout"])
    return client_for(account.pk, account.base_url, account.token, timeout=timeout)
