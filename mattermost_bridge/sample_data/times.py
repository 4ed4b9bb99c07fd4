"""Saving records with times of their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db.models import Model


@contextmanager
def times_as_given(model: type[Model], *names: str) -> Iterator[None]:
    """Within the block these columns keep the time that they are given, instead of that of saving."""
    fields: list[Any] = [model._meta.get_field(name) for name in names]
    for field in fields:
        field.auto_now_add = False
    try:
        yield
    finally:
        for field in fields:
            field.auto_now_add = True
