"""Bindings: which agent answers whom, and where, in an order that people choose."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from mattermost_bridge.config import effective
from mattermost_bridge.config.names import is_account_id
from mattermost_bridge.models import Account, Binding
from mattermost_bridge.models.states import PeerKind
from mattermost_bridge.services import audit
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.errors import NotFound, Refused
from mattermost_bridge.services.fields import decide_all_that_waited
from mattermost_bridge.services.records import the_defaults

FIELDS = ("agent", "account_id", "peer_kind", "peer_id", "team_id", "note")
EVERY = "*"


def add(*, actor: Actor, **fields: Any) -> Binding:
    """Add a binding behind the others; `fields` are of `FIELDS`. Raises Refused."""
    with transaction.atomic():
        the_defaults()  # Its lock puts those who change bindings one after the other.
        binding = Binding(position=Binding.objects.count())
        _apply(binding, fields)
        binding.save()
        _record(actor, binding, "add", f"The binding {_words(binding)} was added.", _shown(binding))
    return binding


def change(binding_pk: int, *, actor: Actor, **fields: Any) -> Binding:
    """Change a binding. Raises NotFound, Refused."""
    with transaction.atomic():
        binding = _locked(binding_pk)
        before = _shown(binding)
        _apply(binding, fields)
        after = _shown(binding)
        details = {name: [before[name], after[name]] for name in FIELDS if before[name] != after[name]}
        if not details:
            return binding
        binding.save()
        _record(actor, binding, "change", f"The binding {_words(binding)} was changed.", details)
    return binding


def remove(binding_pk: int, *, actor: Actor) -> None:
    """Take a binding away. Raises NotFound."""
    with transaction.atomic():
        binding = _locked(binding_pk)
        _record(actor, binding, "remove", f"The binding {_words(binding)} was removed.", _shown(binding))
        binding.delete()
        _number(list(Binding.objects.all()))


def move(binding_pk: int, *, actor: Actor, up: bool) -> None:
    """Let a binding stand one place further up or down; at an end nothing happens. Raises NotFound."""
    with transaction.atomic():
        binding = _locked(binding_pk)
        rows = list(Binding.objects.all())
        old = next(number for number, row in enumerate(rows) if row.pk == binding.pk)
        new = old + (-1 if up else 1)
        if not 0 <= new < len(rows):
            return
        rows[old], rows[new] = rows[new], rows[old]
        _number(rows)
        place = {"place": [old + 1, new + 1]}
        _record(actor, binding, "move", f"The binding {_words(binding)} stands at place {new + 1} now.", place)


def _apply(binding: Binding, fields: dict[str, Any]) -> None:
    unknown = set(fields) - set(FIELDS)
    if unknown:
        raise TypeError(f"Bindings have no fields {sorted(unknown)}")
    for name, value in fields.items():
        setattr(binding, name, value.strip() if isinstance(value, str) else value)
    account = binding.account_id
    if account not in ("", EVERY) and not is_account_id(account):
        raise Refused(f"{account!r} is no account id. Enter an account's id, * for every account, or nothing.")
    if account not in ("", EVERY) and not Account.objects.filter(account_id=account).exists():
        raise Refused(f"There is no account {account}. Add it first, or choose another one.")
    if bool(binding.peer_kind) is not bool(binding.peer_id):
        raise Refused("Where it holds needs both a kind and an id; * as the id means each of that kind.")
    if binding.peer_kind and binding.peer_kind not in PeerKind.values:
        raise Refused(f"A binding holds in {', '.join(PeerKind.values)}, not in {binding.peer_kind!r}.")


def _locked(binding_pk: int) -> Binding:
    the_defaults()
    binding = Binding.objects.select_related("agent").defer("agent__api_key").filter(pk=binding_pk).first()
    if binding is None:
        raise NotFound("This binding was removed already. Reload the page.")
    return binding


def _number(rows: list[Binding]) -> None:
    for position, row in enumerate(rows):
        row.position = position
    Binding.objects.bulk_update(rows, ["position"])


def _record(actor: Actor, binding: Binding, verb: str, summary: str, details: dict[str, Any]) -> None:
    audit.record(actor=actor, verb=f"binding.{verb}", summary=summary[:500], target=binding, details=details)
    effective.bump_version()
    if verb != "move":
        decide_all_that_waited()


def _shown(binding: Binding) -> dict[str, Any]:
    values = {name: getattr(binding, name) for name in FIELDS if name != "agent"}
    return {"agent": binding.agent.slug if binding.agent else "", **values}


def _words(binding: Binding) -> str:
    answers = binding.agent.slug if binding.agent else "the account's own agent"
    return f"{answers} ({binding})"
