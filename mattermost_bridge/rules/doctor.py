"""What `doctor` and the page *Diagnose* say: facts about the installation become findings with cause and remedy.

Ids are stable, so that a monitor may look for one; what an id is about stands before its dot. Findings about single
accounts are in the other modules `doctor_...`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from mattermost_bridge.rules.marking import Filled
from mattermost_bridge.rules.marking import gettext_noop as _

#: Bytes that must be free: below the first nothing may be written any more soon, below the second somebody should look.
DISK_BROKEN = 100 * 2**20
DISK_WARNING = 1024 * 2**20
#: So many seconds a post that is due, or a message that is to be answered, may wait for a worker.
POST_MAY_WAIT = 60.0
ANSWER_MAY_WAIT = 60.0


class Level(StrEnum):
    """How bad a finding is: `broken` does not work, `warning` will disappoint somebody, `fine` works as it should."""

    BROKEN = "broken"
    WARNING = "warning"
    FINE = "fine"


_ORDER = {level: place for place, level in enumerate(Level)}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: `cause` is a sentence that says how it is, `remedy` one that says what to do, ""
    where nothing has to be done. `account` is the id of the account that it is about, "" for the installation."""

    id: str
    level: Level
    cause: str
    remedy: str = ""
    account: str = ""

    def as_json(self) -> dict[str, str]:
        """The finding as `doctor --json` prints it."""
        return {
            "id": self.id,
            "level": self.level.value,
            "account": self.account,
            "cause": self.cause,
            "remedy": self.remedy,
        }


def worst_first(found: Iterable[Finding]) -> list[Finding]:
    """The findings, what is broken first; those of one level stay in their order."""
    return sorted(found, key=lambda one: _ORDER[one.level])


def is_broken(found: Iterable[Finding]) -> bool:
    """Whether something does not work."""
    return any(one.level is Level.BROKEN for one in found)


@dataclass(frozen=True, slots=True)
class PartFact:
    """A part of the installation as `/readyz` has it: well or not, and its sentence."""

    ok: bool
    message: str


@dataclass(frozen=True, slots=True)
class DiskFact:
    """Free and total bytes where `path` is; `problem` is a sentence when it cannot be written to."""

    name: str
    path: str
    free: int = 0
    total: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """Stored secrets: how many, where some cannot be read (with how many), and how many an older key holds."""

    total: int = 0
    unreadable: Sequence[tuple[str, int]] = ()
    older: int = 0


@dataclass(frozen=True, slots=True)
class InstallationFacts:
    """What is looked at beside the accounts. `parts` are those of `/readyz` by name. `post_waits`: the seconds that the
    oldest post waits which is due; `answer_waits`: the same of the oldest message that is to be answered and that no
    worker is at; 0 for none. These and `keys` are None while the database does not answer. `mistakes` are those of the
    system checks: id, whether it stops the start, message and hint."""

    parts: Mapping[str, PartFact] = field(default_factory=dict)
    post_waits: float | None = None
    answer_waits: float | None = None
    keys: KeyFacts | None = None
    disks: Sequence[DiskFact] = ()
    mistakes: Sequence[tuple[str, bool, str, str]] = ()


#: What to do about a part that is not well; and how much worse everything is without it.
_PARTS = {
    "database": (
        Level.BROKEN,
        _("Check that the database runs, that DATABASE_URL is right and that `Durar migrate` was run."),
    ),
    "broker": (
        Level.WARNING,
        _(
            "Check REDIS_URL and that the server runs (`Durar up` starts an embedded one). Until then work is only "
            "slower."
        ),
    ),
    "events": (
        Level.BROKEN,
        _("Start a worker for the queue events (`Durar up` starts one), and look at its log for what it fails at."),
    ),
    "leases": (Level.BROKEN, _("Start a worker with --listeners (`Durar up` starts one).")),
    "scheduler": (
        Level.BROKEN,
        _(
            "Start the scheduler and a worker for the queue upkeep (`Durar up` starts both): what a lost hint was "
            "about waits for ever without the sweep."
        ),
    ),
}


def of_installation(facts: InstallationFacts) -> list[Finding]:
    """What is to be said about the installation."""
    found = [
        Finding(f"{name}.works", Level.FINE, part.message)
        if part.ok
        else Finding(f"{name}.broken", _PARTS[name][0], part.message, _PARTS[name][1])
        for name, part in facts.parts.items()
    ]
    if facts.post_waits is not None:
        found.append(_posts(facts.post_waits))
    if facts.answer_waits is not None:
        found.append(_answers(facts.answer_waits))
    if facts.keys is not None:
        found += _keys(facts.keys)
    found += [_disk(disk) for disk in facts.disks]
    for code, stops, message, hint in facts.mistakes:
        found.append(Finding(f"check.{code}", Level.BROKEN if stops else Level.WARNING, message, hint))
    return found


def _posts(seconds: float) -> Finding:
    if seconds <= POST_MAY_WAIT:
        return Finding("outbox.works", Level.FINE, _("No post is overdue."))
    return Finding(
        "outbox.late",
        Level.BROKEN,
        Filled(_("A post that is due has waited {seconds:.0f} s for a worker to send it."), seconds=seconds),
        _("Start a worker for the queue deliveries (`Durar up` starts one), and look at its log."),
    )


def _answers(seconds: float) -> Finding:
    if seconds <= ANSWER_MAY_WAIT:
        return Finding("turns.work", Level.FINE, _("No message waits for a worker to answer it."))
    return Finding(
        "turns.late",
        Level.BROKEN,
        Filled(_("A message that is to be answered has waited {seconds:.0f} s for a worker."), seconds=seconds),
        _("Start a worker for the queue turns (`Durar up` starts one), and look at its log."),
    )


def _keys(facts: KeyFacts) -> list[Finding]:
    if facts.unreadable:
        where = ", ".join(f"{count} in {place}" for place, count in facts.unreadable)
        return [
            Finding(
                "keys.unreadable",
                Level.BROKEN,
                Filled(_("Stored secrets cannot be read with any key of DURAR_ENCRYPTION_KEYS: {where}."), where=where),
                _(
                    "Put the key they were saved with back into DURAR_ENCRYPTION_KEYS (any place but the first), or "
                    "enter these secrets again."
                ),
            )
        ]
    found = [Finding("keys.work", Level.FINE, Filled(_("All {total} stored secrets can be read."), total=facts.total))]
    if facts.older:
        found.append(
            Finding(
                "keys.older",
                Level.WARNING,
                Filled(
                    _("{older} of {total} stored secrets are still encrypted with an older key."),
                    older=facts.older,
                    total=facts.total,
                ),
                _("Run `Durar keys rotate`; then the older key can be removed from DURAR_ENCRYPTION_KEYS."),
            )
        )
    return found


def _disk(disk: DiskFact) -> Finding:
    if disk.problem:
        return Finding(
            f"disk.{disk.name}_unusable",
            Level.BROKEN,
            Filled(_("{path} cannot be used: {problem}"), path=disk.path, problem=disk.problem),
            _("Give Durar's user the right to write there, and check that the disk is mounted."),
        )
    words = Filled(
        _("{free} of {total} are free where {path} is."),
        free=_size(disk.free),
        total=_size(disk.total),
        path=disk.path,
    )
    if disk.free >= DISK_WARNING:
        return Finding(f"disk.{disk.name}", Level.FINE, words)
    level = Level.BROKEN if disk.free < DISK_BROKEN else Level.WARNING
    remedy = _("Make room on that disk, or let DURAR_STATE_DIR name another one: a full disk stops everything.")
    return Finding(f"disk.{disk.name}_full", level, words, remedy)


def _size(count: int) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"
