"""Importing people from a CSV file as one change.

A plan is made twice: for the operator who reads it, and again inside the transaction that carries it out. Only when
both say the same is anything changed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from django.db import transaction

from mattermost_bridge.services import access, audit, directory
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.errors import ConfirmationNeeded, Refused
from mattermost_bridge.services.people_csv import BLOCKED, Line
from mattermost_bridge.services.people_plan import May, Plan, Planned, Step, accounts_open_to, plan


def with_ids(lines: Iterable[Line], *, may: May) -> tuple[list[Line], dict[int, str]]:
    """The lines with the user ids of those who are named by username only, and sentences for lines where that failed.

    Asks the accounts' servers: call it outside of transactions. Only accounts are asked in which the person may do
    something.
    """
    lines = list(lines)
    accounts = accounts_open_to(may)
    wanted: dict[str, list[Line]] = {}
    for line in lines:
        if not line.user_id and line.username:
            wanted.setdefault(line.account.lower(), []).append(line)
    found: dict[int, str] = {}
    problems: dict[int, str] = {}
    for account_id, nameless in wanted.items():
        account = accounts.get(account_id)
        if account is None and (account_id or not may("add_accessentry", None)):
            continue  # the plan refuses these lines
        try:
            people = directory.resolve_usernames(account.pk if account else None, [line.username for line in nameless])
        except Refused as problem:
            problems |= {line.number: str(problem) for line in nameless}
            continue
        for line in nameless:
            person = people.get(line.username.lower())
            if person is None:
                problems[line.number] = f"Nobody is called @{line.username} on the server."
            else:
                found[line.number] = person.user_id
    return [replace(line, user_id=found.get(line.number, line.user_id)) for line in lines], problems


def carry_out(lines: Iterable[Line], *, replaces: bool, may: May, fingerprint: str, actor: Actor) -> Plan:
    """Do what a plan of that fingerprint said, as one change. Raises Refused; then nothing was changed.

    Raises ConfirmationNeeded when the lists changed since the plan was shown.
    """
    with transaction.atomic():
        now = plan(lines, replaces=replaces, may=may)
        if now.fingerprint != fingerprint:
            raise ConfirmationNeeded("The lists were changed meanwhile. Look at what the import would do now.")
        if now.obstacle:
            raise Refused(now.obstacle)
        # Additions first: an open account must not be without * in between.
        for wanted in (Step.ADDED, Step.CHANGED, Step.REMOVED):
            for planned in now.steps:
                if planned.step == wanted:
                    _do(planned, actor)
        counts = now.counts
        done = ", ".join(f"{counts[step]} {step.value}" for step in (Step.ADDED, Step.CHANGED, Step.REMOVED))
        audit.record(actor=actor, verb="access.import", summary=f"People were imported: {done}.", details=counts)
    return now


def _do(planned: Planned, actor: Actor) -> None:
    assert planned.key is not None
    _owner, which, value = planned.key
    if planned.step == Step.ADDED and which == BLOCKED:
        access.block(
            actor=actor, account=planned.account, user_id=value, username=planned.username, reason=planned.note or ""
        )
    elif planned.step == Step.ADDED:
        access.add_entry(
            actor=actor,
            account=planned.account,
            list=which,
            value=value,
            username=planned.username,
            note=planned.note or "",
            expires_at=planned.until,
        )
    elif planned.pk is not None and planned.step == Step.CHANGED:
        access.set_end(planned.pk, actor=actor, expires_at=planned.until, note=planned.note)
    elif planned.pk is not None and which == BLOCKED:
        access.unblock(planned.pk, actor=actor)
    elif planned.pk is not None:
        access.remove_entry(planned.pk, actor=actor)
