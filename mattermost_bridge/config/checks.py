"""Checks of single values in a configuration file. They collect problems and notes instead of stopping at the first."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from datetime import datetime
from difflib import get_close_matches
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from mattermost_bridge.config.reading import Document, Path
from mattermost_bridge.config.secrets import SecretProblem, check_reference, from_object, is_reference
from mattermost_bridge.config.wanted import KEEP, Secret

LONGEST_SECRET = 500


class Checks:
    """The checks of one document. A value that fails is replaced by an empty one, so that the rest is checked too."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.problems: list[str] = []
        self.notes: list[str] = []

    def problem(self, path: Path, sentence: str) -> None:
        """Note what is wrong at a path; `sentence` holds no secret."""
        self.problems.append(f"{self.document.at(path)}: {sentence}")

    def note(self, path: Path, sentence: str) -> None:
        """Note what the operator should know about a path, and what stops nothing."""
        self.notes.append(f"{self.document.at(path)} {sentence}.")

    def keys(
        self,
        path: Path,
        mapping: dict[str, Any],
        *,
        used: Collection[str],
        later: Collection[str] = (),
        foreign: Collection[str] = (),
    ) -> None:
        """Refuse unknown keys of a mapping, and note those that are known and not used."""
        for key in mapping:
            if key in used:
                continue
            if key in later:
                self.note((*path, key), "is not used yet")
            elif key in foreign:
                self.note((*path, key), "is not used: it concerns other parts than Mattermost")
            else:
                self.problem((*path, key), f"this key does not exist.{_nearest(key, [*used, *later, *foreign])}")

    def open_keys(self, path: Path, mapping: dict[str, Any], *, used: Collection[str]) -> None:
        """Note the keys of a mapping that belong to other parts; what looks like a misspelt one of ours is refused."""
        for key in mapping:
            if key in used:
                continue
            near = get_close_matches(key, used, n=1, cutoff=0.8)
            if near:
                self.problem((*path, key), f"this key does not exist. Is {near[0]} meant?")
            else:
                self.note((*path, key), "is not used: it concerns other parts than Mattermost")

    def mapping(self, path: Path, value: object) -> dict[str, Any]:
        """An object; an absent one is empty."""
        if value is None:
            return {}
        if not isinstance(value, dict):
            self.problem(path, "must be an object, { … }.")
            return {}
        return value

    def items(self, path: Path, value: object) -> list[Any]:
        """A list; an absent one is empty."""
        if value is None:
            return []
        if not isinstance(value, list):
            self.problem(path, "must be a list, [ … ].")
            return []
        return value

    def text(self, path: Path, value: object, *, longest: int | None = None, trim: bool = True) -> str:
        """A text, trimmed; an absent one is empty."""
        if value is None:
            return ""
        if not isinstance(value, str):
            self.problem(path, "must be a text in quotes.")
            return ""
        text = value.strip() if trim else value
        if longest is not None and len(text) > longest:
            self.problem(path, f"is longer than {longest} characters.")
            return ""
        return text

    def flag(self, path: Path, value: object, *, default: bool) -> bool:
        """true or false."""
        if value is None:
            return default
        if not isinstance(value, bool):
            self.problem(path, "must be true or false.")
            return default
        return value

    def choice(self, path: Path, value: object, allowed: Iterable[str]) -> str:
        """One of some words; "" when absent."""
        if value is None:
            return ""
        allowed = list(allowed)
        if value not in allowed:
            shown = f"not {value!r}" if isinstance(value, str) and len(value) < 40 else "in quotes"
            self.problem(path, f"must be one of {', '.join(allowed)}, {shown}.")
            return ""
        return str(value)

    def positive(self, path: Path, value: object) -> int | None:
        """A whole number above 0; None when absent."""
        if value is None:
            return None
        whole = isinstance(value, int) or (isinstance(value, float) and math.isfinite(value) and value.is_integer())
        if isinstance(value, bool) or not whole or value <= 0:  # type: ignore[operator]
            self.problem(path, "must be a whole number above 0.")
            return None
        return int(value)  # type: ignore[call-overload, no-any-return]

    def secret(self, path: Path, value: object) -> Secret:
        """A secret: a text, a reference `env:…` or `file:…`, an object that is one, or the word that keeps the old."""
        if value is None:
            return Secret()
        if isinstance(value, dict):
            return self._reference(path, value)
        if not isinstance(value, str):
            self.problem(path, "must be a text in quotes or a reference { source, provider, id }.")
            return Secret()
        text = value.strip()
        if text == KEEP:
            return Secret(keep=True)
        if is_reference(text):
            return self._reference(path, text)
        if text.startswith("${"):
            self.problem(path, "variables are named as env:NAME here, without ${ }.")
            return Secret()
        if len(text) > LONGEST_SECRET:
            self.problem(path, f"is longer than {LONGEST_SECRET} characters.")
            return Secret()
        return Secret(value=text)

    def moments(self, path: Path, value: object) -> dict[str, datetime]:
        """An object of times, as { "who": "2026-12-31T12:00:00Z" }."""
        found: dict[str, datetime] = {}
        for key, raw in self.mapping(path, value).items():
            try:
                moment = parse_datetime(raw) if isinstance(raw, str) else None
            except ValueError:
                moment = None
            if moment is None:
                self.problem((*path, key), "must be a time such as 2026-12-31T12:00:00Z.")
                continue
            found[key] = moment if timezone.is_aware(moment) else timezone.make_aware(moment)
        return found

    def _reference(self, path: Path, value: dict[str, Any] | str) -> Secret:
        try:
            if isinstance(value, dict):
                return Secret(reference=from_object(value))
            check_reference(value)
        except SecretProblem as problem:
            self.problem(path, str(problem))
            return Secret()
        return Secret(reference=value)


def _nearest(key: str, known: list[str]) -> str:
    near = get_close_matches(key, known, n=1)
    return f" Is {near[0]} meant?" if near else " Remove it."
