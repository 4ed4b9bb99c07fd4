"""The messages to open pages, and the one function by which services send them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Literal, TypedDict, get_args

from django.db import transaction

from mattermost_bridge.live.teller import teller

#: What can change: `connection` is where an account's connection or its outbox stands, `access` lists, groups and
#: blocked people, `alert` alerts with their notes and targets, `overview` what belongs to none of these, as the
#: defaults and the users.
Kind = Literal[
    "event",
    "turn",
    "delivery",
    "pairing",
    "connection",
    "account",
    "agent",
    "access",
    "direct_channel",
    "alert",
    "overview",
]
KINDS: tuple[Kind, ...] = get_args(Kind)


class Change(TypedDict):
    """Records of one kind and account that changed. No account: it concerns all. No ids: any may have."""

    account: int | None
    kind: Kind
    ids: list[int]


class Changed(TypedDict):
    """From whoever changed records, over the channel layer, to those who look at one account (or at all)."""

    type: Literal["live.changed"]
    changes: list[Change]


class ToPage(TypedDict, total=False):
    """To a page. `changed`: these records did. `catch_up`: some message may be missing, so anything may have changed.
    `pong`: your `ping` came by the broker, so messages do, too. `away`: the broker does not answer; look yourself."""

    type: Literal["changed", "catch_up", "pong", "away"]
    changes: list[Change]


#: Tests replace this to see what is told.
tell: Callable[[int | None, Kind, tuple[int, ...]], None] = teller.add


def changed(account_pk: int | None, kind: Kind, ids: Iterable[int] = ()) -> None:
    """Tell open pages, once the current transaction is committed, that these records changed.

    Returns at once and never fails: a thread of the process gathers what changed and sends it. Pages that were not
    told find out by themselves. No `ids` means that any of the account's records of this kind may have changed.
    """
    transaction.on_commit(partial(_tell, account_pk, kind, tuple(ids)), robust=True)


def _tell(account_pk: int | None, kind: Kind, ids: tuple[int, ...]) -> None:
    tell(account_pk, kind, ids)


def kind_of(verb: str) -> Kind:
    """The kind of record that a verb of the audit log is about, as `access` for `access_group.update`."""
    subject = verb.partition(".")[0]
    for word in (subject, subject.partition("_")[0]):
        for kind in KINDS:
            if word == kind:
                return kind
    return "overview"


def stay_silent() -> None:
    """Tell nothing from this process any more, and start no thread; processes forked from it do tell."""
    teller.stay_silent()


def flush(limit: float = 1.0) -> bool:
    """Send at once what was gathered, within `limit` seconds; for a process that ends. False when that did not work."""
    return teller.flush(limit)
