"""The columns of the settings, made from their tables: `config.table` says what each is called and may hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from mattermost_bridge.config.setting import Kind, Setting, Where
from mattermost_bridge.models.list_fields import LinesField, LinksField

Model = TypeVar("Model", bound=type[models.Model])


def column(setting: Setting) -> models.Field[Any, Any]:
    """The column of one setting; what is not set is empty."""
    words: dict[str, Any] = {"verbose_name": setting.label, "help_text": setting.help, "blank": True}
    match setting.kind:
        case Kind.FLAG if setting.where is Where.CHANNEL and setting.default is False:
            return models.BooleanField(default=False, **words)
        case Kind.FLAG:
            return models.BooleanField(null=True, **words)
        case Kind.WHOLE:
            return models.PositiveIntegerField(null=True, validators=_limits(setting), **words)
        case Kind.NUMBER:
            return models.FloatField(null=True, validators=_limits(setting), **words)
        case Kind.CHOICE | Kind.SWITCH:
            return models.CharField(max_length=32, choices=[*setting.choices], default="", **words)
        case Kind.LINE:
            return models.CharField(max_length=setting.longest, default="", **words)
        case Kind.TEXT:
            return models.TextField(default="", **words)
        case Kind.LINES:
            return LinesField(null=True, default=None, **words)
        case Kind.LINKS:
            return LinksField(null=True, default=None, **words)
    raise AssertionError(f"{setting.key} has no column.")


def has_columns(settings: Mapping[str, Setting]) -> Callable[[Model], Model]:
    """Gives a model a column for each of the settings that it does not name itself."""

    def add(model: Model) -> Model:
        known = {field.name for field in model._meta.local_fields}
        for name, setting in settings.items():
            if name not in known:
                model.add_to_class(name, column(setting))  # type: ignore[attr-defined]
        return model

    return add


def _limits(setting: Setting) -> list[Any]:
    least = [] if setting.least is None else [MinValueValidator(setting.least)]
    return least if setting.most is None else [*least, MaxValueValidator(setting.most)]
