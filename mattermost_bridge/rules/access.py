"""Who may talk to a bot: blocked people, policies, access lists and approved pairings."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from mattermost_bridge.rules.marking import gettext_noop as _
from mattermost_bridge.rules.reasons import Reason
from mattermost_bridge.rules.types import Check, IncomingPost, ListEntry, Policy

WILDCARD = "*"

_PREFIX = re.compile(r"(?:mattermost|user):", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the access rules say: the checks in order, and the reason.

    The reason is None when they let a post of a channel or group pass; whether it gets a turn is then decided by
    whether it mentions the bot.
    """

    checks: tuple[Check, ...]
    reason: Reason | None


def normalise_entry(value: str) -> str:
    """An access list's entry in the form in which it is compared, "" for one that means nothing.

    Trimmed; `*` stays; `mattermost:` or `user:` in front, then `@`, is stripped; lower-case.
    """
    value = value.strip()
    if match := _PREFIX.match(value):
        value = value[match.end() :].lstrip()
    return value.lstrip("@").strip().lower()


def is_valid(entry: ListEntry, now_ms: int) -> bool:
    """Whether an entry can match anybody at `now_ms` (milliseconds): it is not blank and has not expired."""
    expired = entry.expires_ms is not None and entry.expires_ms <= now_ms
    return not expired and normalise_entry(entry.value) != ""


def matching_entry(
    user_id: str,
    username: str,
    entries: Iterable[ListEntry],
    now_ms: int,
    *,
    name_matching: bool = False,
) -> ListEntry | None:
    """The first entry that matches a person, or None.

    `*` matches everybody, an entry that equals the user id its owner. An entry that equals the username counts only
    with `name_matching`, since people can change their names. Expired entries (`now_ms` in milliseconds) match nobody.
    """
    wanted = {WILDCARD, user_id.lower()}
    if name_matching:
        wanted.add(username.lstrip("@").lower())
    for entry in entries:
        if is_valid(entry, now_ms) and normalise_entry(entry.value) in wanted:
            return entry
    return None


def decide_direct(post: IncomingPost, policy: Policy, *, now_ms: int) -> Verdict:
    """Whether the sender of a direct message may talk to the bot.

    Blocked people are refused before anything else. An approved pairing counts only while the policy is `pairing`:
    it does not widen `open`, and `allowlist` ignores it. `open` admits only those whom the list matches, which
    everybody does when it has `*`.
    """
    verdict = _decide_blocked(post, policy)
    if verdict.reason is not None:
        return verdict
    checks = list(verdict.checks)

    checks.append(_policy_check(_("direct message policy"), policy.dm_policy, policy.source_of("dm_policy")))
    if checks[-1].passed is False:
        return Verdict(tuple(checks), Reason.DM_DISABLED)

    check = _list_check(_("direct message list"), "allow_from", policy.allow_from, post, policy, now_ms)
    if check.passed:
        reason = Reason.ADMITTED_DM_OPEN if policy.dm_policy == "open" else Reason.ADMITTED_DM_LISTED
        return Verdict((*checks, check), reason)
    if policy.dm_policy != "pairing":
        return Verdict((*checks, check), Reason.DM_NOT_LISTED)
    # Under `pairing` the list is only the first of two ways in, so missing it fails nothing yet.
    checks.append(Check(check.name, check.value, check.source, passed=None))

    approved = [entry for entry in policy.approved if normalise_entry(entry.value) != WILDCARD]
    if matching_entry(post.user_id, post.username, approved, now_ms) is not None:
        checks.append(Check(_("pairing"), _("approved"), "pairings", passed=True))
        return Verdict(tuple(checks), Reason.ADMITTED_DM_PAIRED)
    checks.append(Check(_("pairing"), _("not approved"), "pairings", passed=False))
    return Verdict(tuple(checks), Reason.PAIRING_REQUIRED)


def decide_group(post: IncomingPost, policy: Policy, *, now_ms: int) -> Verdict:
    """Whether the sender of a post in a channel or group message may use the bot there.

    Pairing approvals never count here. A group list that is set nowhere falls back to the direct message list; one
    that is set and empty, or whose entries have all expired, admits nobody.
    """
    verdict = _decide_blocked(post, policy)
    if verdict.reason is not None:
        return verdict
    checks = list(verdict.checks)

    checks.append(_policy_check(_("group policy"), policy.group_policy, policy.source_of("group_policy")))
    if checks[-1].passed is False:
        return Verdict(tuple(checks), Reason.GROUP_DISABLED)
    if policy.group_policy == "open":
        return Verdict(tuple(checks), None)

    if policy.group_allow_from is None:
        name, field, entries = _("group list (the direct message list)"), "allow_from", policy.allow_from
    else:
        name, field, entries = _("group list"), "group_allow_from", policy.group_allow_from
    checks.append(_list_check(name, field, entries, post, policy, now_ms))
    if checks[-1].passed:
        return Verdict(tuple(checks), None)
    if not any(is_valid(entry, now_ms) for entry in entries):
        return Verdict(tuple(checks), Reason.GROUP_LIST_EMPTY)
    return Verdict(tuple(checks), Reason.GROUP_NOT_LISTED)


def _decide_blocked(post: IncomingPost, policy: Policy) -> Verdict:
    if post.user_id in policy.blocked:
        return Verdict((Check(_("blocked"), _("yes"), "blocked people", passed=False),), Reason.BLOCKED)
    return Verdict((Check(_("blocked"), _("no"), "blocked people", passed=True),), None)


def _policy_check(name: str, value: str, source: str) -> Check:
    # A value that is none of the known ones works like "allowlist", the narrowest that admits anybody.
    return Check(name, value, source, passed=value != "disabled")


def _list_check(
    name: str, field: str, entries: tuple[ListEntry, ...], post: IncomingPost, policy: Policy, now_ms: int
) -> Check:
    entry = matching_entry(post.user_id, post.username, entries, now_ms, name_matching=policy.name_matching)
    if entry is not None:
        value = f"{entry.value.strip()} matches (from {entry.source})"
    else:
        value = _why_none_matches(entries, post, policy, now_ms)
    return Check(name, value, policy.source_of(field), passed=entry is not None)


def _why_none_matches(entries: tuple[ListEntry, ...], post: IncomingPost, policy: Policy, now_ms: int) -> str:
    """The closest miss, since "not on the list" alone does not tell an operator what to change."""
    valid = [entry for entry in entries if is_valid(entry, now_ms)]
    if not policy.name_matching and matching_entry(post.user_id, post.username, valid, now_ms, name_matching=True):
        return f"only the name {post.username} is listed, and names do not count: list the user id {post.user_id}"
    endless = [ListEntry(entry.value, entry.source) for entry in entries]
    if matching_entry(post.user_id, post.username, endless, now_ms, name_matching=policy.name_matching):
        return _("the entry that matched has expired")
    if not valid:
        return _("no valid entry")
    return f"none of {len(valid)} {'entry' if len(valid) == 1 else 'entries'} matches"
