"""For each reason that no rule gives, since it lies in records or in what went wrong: how an event comes to it.

Each is a function of the fixtures `hinted`, `server` and `monkeypatch` that leaves one event with its text in it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from mattermost_bridge.mattermost.errors import MattermostError
from mattermost_bridge.models import Account, BlockedUser, InboundEvent
from mattermost_bridge.rules.reasons import Reason
from mattermost_bridge.services import audit, by_hand, decisions, inbox, turns
from tests.bridge import direct_post, post
from tests.services.fake_server import refused
from tests.services.incoming.making import open_account, reaction_on

TEXT = "this one"


def reaction_without_a_session(hinted: Any, server: Any, monkeypatch: Any) -> None:
    """Somebody reacts where nothing was ever said to the bot."""
    inbox.record(open_account().pk, [replace(reaction_on("p".ljust(26, "p")), text=TEXT)])
    hinted.run()


def dropped_by_stop(hinted: Any, server: Any, monkeypatch: Any) -> None:
    """It waits behind another one when the person writes `/stop`."""
    account = open_account(defaults={"debounce_ms": 60_000})
    inbox.record(account.pk, [direct_post(TEXT)])
    hinted.run()
    inbox.record(account.pk, [direct_post("/stop")])
    hinted.run()


def kind_that_is_not_used(hinted: Any, server: Any, monkeypatch: Any) -> None:
    """Something comes in with which nothing is done yet."""
    inbox.record(open_account().pk, [replace(post(TEXT), kind="command")])
    hinted.run()


def channel_that_is_gone(hinted: Any, server: Any, monkeypatch: Any) -> None:
    """Its channel's type is looked up, and the server does not know the channel."""

    def gone(_channel_id: str) -> None:
        raise _not_found()

    server.channel = gone
    inbox.record(open_account().pk, [post(TEXT, channel_type="")])
    hinted.run()


def row_that_cannot_be_kept(hinted: Any, server: Any, monkeypatch: Any) -> None:
    """The database refuses it."""
    inbox.record(open_account().pk, [direct_post(TEXT, at=2**70)])
    hinted.run()


def that_fails(hinted: Any, server: Any, monkeypatch: Any) -> None:
    """Deciding about it fails five times."""

    def breaks(_event: Any, _settings: Any) -> None:
        raise RuntimeError("no way")

    inbox.record(open_account().pk, [direct_post(TEXT)])
    monkeypatch.setattr(decisions, "decision_on", breaks)
    for _ in range(5):
        decisions.process_event(InboundEvent.objects.get().pk)


def that_was_put_aside(hinted: Any, server: Any, monkeypatch: Any) -> None:
    """It failed, and an operator puts it aside."""
    that_fails(hinted, server, monkeypatch)
    by_hand.put_event_aside(InboundEvent.objects.get().pk, actor=audit.SYSTEM)


def of_somebody_who_was_blocked_meanwhile(hinted: Any, server: Any, monkeypatch: Any) -> None:
    """It was admitted, and its author is blocked before the turn begins."""
    account = open_account()
    inbox.record(account.pk, [direct_post(TEXT)])
    monkeypatch.setattr(turns.room, "slots", 0)
    decisions.process_event(InboundEvent.objects.get().pk)
    monkeypatch.setattr(turns.room, "slots", 100)
    _block(account)
    hinted.run()


def _block(account: Account) -> None:
    from mattermost_bridge.config import effective

    BlockedUser.objects.create(account=account, user_id="carol".ljust(26, "u"))
    effective.bump_version()


def _not_found() -> MattermostError:
    return refused(404, "app.channel.get.existing.app_error")


CASES: dict[Reason, Callable[[Any, Any, Any], None]] = {
    Reason.REACTION_NO_SESSION: reaction_without_a_session,
    Reason.STOPPED: dropped_by_stop,
    Reason.KIND_NOT_USED: kind_that_is_not_used,
    Reason.CHANNEL_GONE: channel_that_is_gone,
    Reason.UNREADABLE: row_that_cannot_be_kept,
    Reason.FAILED_PROCESSING: that_fails,
    Reason.PUT_ASIDE: that_was_put_aside,
    Reason.REVOKED_MEANWHILE: of_somebody_who_was_blocked_meanwhile,
}
