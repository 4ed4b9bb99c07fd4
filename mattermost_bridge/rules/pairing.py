"""Pairing: codes, how long they hold, who gets one, and the text that a stranger reads."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import replace

from mattermost_bridge.rules.marking import gettext_noop as _
from mattermost_bridge.rules.reasons import Reason
from mattermost_bridge.rules.types import Check, Decision, Outcome

ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""32 symbols; 0 and O, 1 and I are left out, since people copy codes by eye."""

CODE_LENGTH = 8
CODE_TRIES = 500
MAX_WAITING = 3
"""So many requests may wait for one account."""

TTL_MS = 3_600_000
"""A code holds one hour from its creation; a repeated message does not extend it."""

NOTICE_INTERVAL_MS = 3_600_000
"""A person is told at most once in this time that the queue is full."""

TEXT_LIMIT = 4000
"""A challenge is one post, so it may not be longer than a post is by default."""

DEFAULT_TEMPLATE = """\
Durar: access not configured.

Your Mattermost user id: {user_id}
Pairing code:
```
{code}
```

Ask the bot owner to approve with:
```
{command}
```
or in the panel: {panel}"""

_LONGEST_PANEL_URL = 200
_PLACEHOLDER = re.compile(r"\{(user_id|code|command|panel)\}")


class NoFreeCode(Exception):
    """No unused code was found in `CODE_TRIES` tries: the source of randomness is broken."""


def new_code(choice: Callable[[str], str], taken: Collection[str]) -> str:
    """A code that is not among `taken`; `choice` picks one character of a string (`secrets.choice`).

    Raises NoFreeCode after 500 tries.
    """
    for _try in range(CODE_TRIES):
        code = "".join(choice(ALPHABET) for _letter in range(CODE_LENGTH))
        if code not in taken:
            return code
    raise NoFreeCode(
        f"No free pairing code was found in {CODE_TRIES} tries, though {len(ALPHABET)} symbols allow "
        f"{len(ALPHABET) ** CODE_LENGTH} codes. Check the machine's source of randomness."
    )


def normalise_code(text: str) -> str:
    """A code as somebody typed or pasted it, in the form in which codes are kept: trimmed and upper-case.

    Backticks around it are dropped too, since people copy them along with the code block.
    """
    return text.strip().strip("`").strip().upper()


def is_expired(created_ms: int | None, now_ms: int) -> bool:
    """Whether a request made at `created_ms` is older than an hour; one whose creation is unknown is."""
    return created_ms is None or now_ms - created_ms > TTL_MS


def notice_due(last_told_ms: int | None, now_ms: int) -> bool:
    """Whether a person who was told at `last_told_ms` that the queue is full may be told so again."""
    return last_told_ms is None or now_ms - last_told_ms >= NOTICE_INTERVAL_MS


def after_looking_at_requests(decision: Decision, *, has_request: bool, waiting: int) -> Decision:
    """The final decision about a stranger, once the requests that wait are known.

    `decision` is one of `Reason.PAIRING_REQUIRED`; any other comes back unchanged. `has_request` says whether the
    sender has a request that waits and has not expired, `waiting` counts those of the whole account. Call it under
    the account's lock, or the cap does not hold.
    """
    if decision.reason != Reason.PAIRING_REQUIRED:
        return decision
    if has_request:
        check = Check(_("pairing request of the sender"), _("waits already"), "pairing requests", passed=None)
        return replace(decision, reason=Reason.PAIRING_REPEATED, trail=(*decision.trail, check))
    full = waiting >= MAX_WAITING
    check = Check(_("pairing requests that wait"), f"{waiting} of at most {MAX_WAITING}", "pairing requests", not full)
    trail = (*decision.trail, check)
    if full:
        return replace(decision, outcome=Outcome.REFUSED, reason=Reason.PAIRING_QUEUE_FULL, trail=trail)
    return replace(decision, trail=trail)


def approve_command(code: str, account_id: str) -> str:
    """The command that approves `code`, as it can be pasted into a terminal.

    The account is named when it is not `default`, so that nobody approves a code of another account by mistake.
    """
    command = f"Durar pairing approve mattermost {code}"
    return command if account_id == "default" else f"{command} --account {account_id}"


def challenge_text(template: str, user_id: str, code: str, command: str, panel_url: str) -> str:
    """The post that a stranger gets.

    `template` may use {user_id}, {code}, {command} and {panel}; other braces stay as they are, and a blank
    template stands for the default one. Without a panel address the lines that name {panel} are left out.
    """
    text = template if template.strip() else DEFAULT_TEMPLATE
    if not panel_url:
        text = "\n".join(line for line in text.split("\n") if "{panel}" not in line)
    values = {"user_id": user_id, "code": code, "command": command, "panel": panel_url}
    # One pass: what a value contains is never taken for a placeholder.
    return _PLACEHOLDER.sub(lambda match: values[match.group(1)], text)


def check_template(text: str) -> list[str]:
    """What is wrong with a template, as sentences; an empty list when nothing is.

    A blank template is right: it stands for the default one.
    """
    if not text.strip():
        return []
    problems = []
    kept = "\n".join(line for line in text.split("\n") if "{panel}" not in line)
    if "{code}" not in text:
        problems.append("The pairing text lacks {code}: without it people never see their code. Add {code}.")
    elif "{code}" not in kept:
        problems.append(
            "The pairing text has {code} only on a line with {panel}, which is left out when there is no panel "
            "address. Put {code} on a line of its own."
        )
    longest = challenge_text(
        text, "u" * 26, "C" * CODE_LENGTH, approve_command("C" * CODE_LENGTH, "a" * 64), "p" * _LONGEST_PANEL_URL
    )
    if len(longest) > TEXT_LIMIT:
        problems.append(
            f"The pairing text can grow to {len(longest)} characters once its values are filled in, but it has to fit "
            f"into one post of {TEXT_LIMIT}. Shorten it."
        )
    return problems
