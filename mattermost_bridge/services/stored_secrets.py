"""Everything that is encrypted at rest: whether it can be read, with which key, and encrypting it anew with the first.

Columns are found by their kind, so that a new one is never forgotten. Secrets of second factors stand inside the JSON
of their rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from allauth.mfa.models import Authenticator
from django.apps import apps
from django.db import models, transaction
from django.db.models import F, TextField
from django.db.models.functions import Cast

from mattermost_bridge.models.fields import (
    PREFIX,
    EncryptedTextField,
    SecretDigestField,
    WrongKeyError,
    decrypt,
    digests,
    encrypt,
    is_current,
)
from mattermost_bridge.services import audit
from mattermost_bridge.services.audit import Actor

#: Rows that are encrypted anew in one transaction.
BATCH = 200


@dataclass(frozen=True)
class Place:
    """A column with secrets, or the JSON of second factors (`column` is ""). `name` is what people read."""

    name: str
    model: Any
    column: str = ""


@dataclass
class Count:
    """How many secrets a place has: all, those under an older key, and those that no key reads."""

    total: int = 0
    older: int = 0
    unreadable: int = 0


@dataclass(frozen=True)
class Rotation:
    """What a rotation did: how many secrets it encrypted anew, and what each place holds now."""

    done: int
    left: dict[str, Count]


def places() -> list[Place]:
    """Where secrets are kept."""
    found = [
        Place(f"{model._meta.model_name}.{field.name}", model, field.name)
        for model in apps.get_app_config("mattermost_bridge").get_models()
        for field in model._meta.concrete_fields
        if isinstance(field, EncryptedTextField)
    ]
    return [*found, Place("second factors", Authenticator)]


def look() -> dict[str, Count]:
    """What each place holds, by its name. Reads every secret; nothing is changed."""
    found = {}
    for place in places():
        count = found[place.name] = Count()
        for _pk, stored in _rows(place):
            for one in _secrets(stored):
                count.total += 1
                if not is_current(one):
                    count.older += 1
                    count.unreadable += not _can_be_read(one)
    return found


def rotate(*, actor: Actor) -> Rotation:
    """Encrypt with the first key whatever an older one holds, a batch a transaction; can be run again at any time.

    Each batch and its audit row are one transaction, so that a run which is killed leaves no change unaccounted for,
    and the next run goes on where it stopped. A secret that changes meanwhile is left as it is: it was saved with the
    first key. What no key reads stays, and is counted in the result.
    """
    older = [
        (place, pk, stored)
        for place in places()
        for pk, stored in _rows(place)
        if any(not is_current(one) for one in _secrets(stored))
    ]
    done = sum(_renew_batch(older[start : start + BATCH], actor) for start in range(0, len(older), BATCH))
    return Rotation(done, look())


def _renew_batch(rows: list[tuple[Place, Any, Any]], actor: Actor) -> int:
    with transaction.atomic():
        done = sum(_renew(place, pk, stored) for place, pk, stored in rows)
        if done:
            audit.record(
                actor=actor,
                verb="keys.rotate",
                summary=f"{done} stored secrets were encrypted anew with the first key.",
                details={"secrets": done},
            )
    return done


def _rows(place: Place) -> Iterator[tuple[Any, Any]]:
    """Keys and what is stored, undecrypted."""
    rows = place.model._base_manager.order_by("pk")
    if place.column:
        # The cast keeps the column's own type from decrypting it.
        rows = rows.annotate(stored=Cast(F(place.column), TextField())).exclude(stored="").values_list("pk", "stored")
    else:
        rows = rows.values_list("pk", "data")
    return iter(rows.iterator(chunk_size=BATCH))


def _secrets(stored: Any) -> Iterator[str]:
    """The secrets in a column, or in the JSON of a second factor, of which other texts are none."""
    if isinstance(stored, str):
        yield stored
    elif isinstance(stored, dict | list):
        for value in stored.values() if isinstance(stored, dict) else stored:
            yield from (one for one in _secrets(value) if one.startswith(PREFIX))


def _renewed(stored: Any, renew: Callable[[str], str]) -> Any:
    if isinstance(stored, dict):
        return {key: _renewed(value, renew) for key, value in stored.items()}
    if isinstance(stored, list):
        return [_renewed(value, renew) for value in stored]
    return renew(stored) if isinstance(stored, str) and stored.startswith(PREFIX) else stored


def _renew(place: Place, pk: Any, stored: Any) -> int:
    """Encrypt one row anew unless it changed since it was read; how many secrets."""
    old = [one for one in _secrets(stored) if not is_current(one) and _can_be_read(one)]
    if not old:
        return 0
    rows: models.QuerySet[Any] = place.model._base_manager.filter(pk=pk)
    if place.column:
        rows = rows.annotate(stored=Cast(F(place.column), TextField())).filter(stored=stored)
        secret = decrypt(stored)
        found_by = {one.name: digests(secret)[0] for one in _digest_fields(place)}
        return len(old) * rows.update(**{place.column: secret}, **found_by)
    if rows.select_for_update().values_list("data", flat=True).first() != stored:
        return 0
    rows.update(data=_renewed(stored, lambda one: encrypt(decrypt(one)) if one in old else one))
    return len(old)


def _digest_fields(place: Place) -> list[SecretDigestField]:
    """The columns by which a row of this place is found by its secret."""
    fields = place.model._meta.concrete_fields
    return [one for one in fields if isinstance(one, SecretDigestField) and one.of == place.column]


def _can_be_read(stored: str) -> bool:
    try:
        decrypt(stored)
    except WrongKeyError:
        return False
    return True
