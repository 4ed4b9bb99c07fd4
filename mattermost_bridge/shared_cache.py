"""The cache `shared` (settings: CACHES), which all processes of a deployment see: rows of the database.

A limit that each process counts by itself is no limit: an attacker gets it once for every process, and again after each
restart. So guesses of codes, and codes that were used, are counted here. It needs no broker; without the database
nobody can sign in anyway. Values are JSON, never pickles: who can write to the database must not run code by it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone


def delete_expired() -> int:
    """Remove the rows whose time is over; how many."""
    return _rows().filter(expires_at__lte=timezone.now()).delete()[0]


class SharedCache(BaseCache):
    """Django's cache over `SharedValue` rows."""

    def __init__(self, _location: str, params: dict[str, Any]) -> None:
        super().__init__(params)

    def add(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        """Keep a value unless there is one; of any number of processes that try at once, one is told True."""
        key = self.make_and_validate_key(key, version=version)
        _rows().filter(pk=key, expires_at__lte=timezone.now()).delete()
        try:
            with transaction.atomic():
                _rows().create(pk=key, value=value, expires_at=self._end(timeout))
        except IntegrityError:
            return False
        return True

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        """The value, unless its time is over."""
        key = self.make_and_validate_key(key, version=version)
        found = _rows().filter(Q(expires_at=None) | Q(expires_at__gt=timezone.now()), pk=key)
        return next(iter(found.values_list("value", flat=True)), default)

    def set(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        """Keep a value instead of the one that was there."""
        key = self.make_and_validate_key(key, version=version)
        row = _model()(pk=key, value=value, expires_at=self._end(timeout))
        _rows().bulk_create([row], update_conflicts=True, unique_fields=["key"], update_fields=["value", "expires_at"])

    def touch(self, key: str, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        """Give a value another end; False when there is none."""
        key = self.make_and_validate_key(key, version=version)
        found = _rows().filter(Q(expires_at=None) | Q(expires_at__gt=timezone.now()), pk=key)
        return bool(found.update(expires_at=self._end(timeout)))

    def delete(self, key: str, version: int | None = None) -> bool:
        """Forget a value; False when there was none."""
        key = self.make_and_validate_key(key, version=version)
        return bool(_rows().filter(pk=key).delete()[0])

    def clear(self) -> None:
        """Forget everything."""
        _rows().all().delete()

    def _end(self, timeout: Any) -> datetime | None:
        end = self.get_backend_timeout(timeout)
        return None if end is None else datetime.fromtimestamp(end, tz=timezone.get_default_timezone())


def _model() -> Any:
    # Settings name this module before models are loaded.
    from mattermost_bridge.models import SharedValue

    return SharedValue


def _rows() -> QuerySet[Any]:
    return _model()._default_manager.all()
