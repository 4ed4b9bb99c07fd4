"""Skills: slash commands that operators make. Which accounts offer one, and what its agent is asked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from mattermost_bridge.models import Account, Skill
from mattermost_bridge.rules.slash_registration import BUILT_INS
from mattermost_bridge.services import audit
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.errors import NotFound, Refused

FIELDS = ("name", "description", "hint", "prompt", "enabled")
_RESERVED = frozenset(one.name for one in BUILT_INS)


def create(*, actor: Actor, accounts: Iterable[int] = (), **fields: Any) -> Skill:
    """Make a skill; `fields` are of `FIELDS`, no accounts mean all. Raises Refused."""
    with transaction.atomic():
        skill = Skill()
        _apply(skill, fields)
        skill.save()
        skill.accounts.set(accounts)
        audit.record(
            actor=actor,
            verb="skill.create",
            summary=f"The skill {skill.name} was added.",
            target=skill,
            details=_shown(skill),
        )
    return skill


def update(skill_pk: int, *, actor: Actor, accounts: Iterable[int] | None = None, **fields: Any) -> Skill:
    """Change a skill. Raises Refused, NotFound."""
    with transaction.atomic():
        skill = _locked(skill_pk)
        before = _shown(skill)
        _apply(skill, fields)
        skill.save()
        if accounts is not None:
            skill.accounts.set(accounts)
        after = _shown(skill)
        details = {name: [before[name], after[name]] for name in after if before[name] != after[name]}
        if details:
            audit.record(
                actor=actor,
                verb="skill.update",
                summary=f"The skill {skill.name} was changed: {', '.join(sorted(details))}.",
                target=skill,
                details=details,
            )
    return skill


def delete(skill_pk: int, *, actor: Actor) -> None:
    """Remove a skill; its commands go from Mattermost with the next registration, in some seconds. Raises NotFound."""
    with transaction.atomic():
        skill = _locked(skill_pk)
        audit.record(
            actor=actor,
            verb="skill.delete",
            summary=f"The skill {skill.name} was removed.",
            target=skill,
            details=_shown(skill),
        )
        skill.delete()


def _locked(skill_pk: int) -> Skill:
    skill = Skill.objects.select_for_update(no_key=True).filter(pk=skill_pk).first()
    if skill is None:
        raise NotFound("This skill does not exist any more. Reload the page.")
    return skill


def _apply(skill: Skill, fields: dict[str, Any]) -> None:
    unknown = set(fields) - set(FIELDS)
    if unknown:
        raise TypeError(f"Skills have no fields {sorted(unknown)}")
    for name, value in fields.items():
        setattr(skill, name, value.strip() if isinstance(value, str) else value)
    if skill.name in _RESERVED:
        raise Refused(f"{skill.name} is the name of a built-in command. Choose another one.")
    if Skill.objects.filter(name=skill.name).exclude(pk=skill.pk).exists():
        raise Refused(f"There is a skill {skill.name} already. Choose another name.")
    try:
        skill.clean_fields()
    except ValidationError as problem:
        raise Refused(" ".join(problem.messages)) from problem


def _shown(skill: Skill) -> dict[str, Any]:
    chosen = Account.objects.filter(skills=skill).order_by("account_id").values_list("account_id", flat=True)
    return {**{name: getattr(skill, name) for name in FIELDS}, "accounts": ", ".join(chosen) or "all"}
