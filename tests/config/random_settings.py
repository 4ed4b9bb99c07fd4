"""Random values for every setting of the tables, in the form in which they are stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from mattermost_bridge.config.setting import Kind, Setting
from mattermost_bridge.config.table import OF_KEPT

#: For texts that must be something: some that are.
EXAMPLES = {
    "pattern": ["hey bot", r"\bdurar\b", "(?i)ask"],
    "pairing text": ["Your code:\n{code}", '"quotes" \\ {code} \U0001f600'],
    "path": ["/", "/a/b-c"],
    "address": ["https://gateway.example.com", "http://10.0.0.1:18789/x"],
    "host": ["gateway.example.com", "10.0.0.1", "::1"],
    "network": ["10.0.0.0/8", "192.168.1.7", "fe80::/10"],
    "target": ["channel:abc", "user:def", "@carol"],
    "prefix": ["ops_", "d-"],
    "": ["x", ">", "two words", "inlineButtons", "(none)"],
}


def values_of(settings: Mapping[str, Setting]) -> dict[str, st.SearchStrategy[Any]]:
    """By column what each setting may hold, not set included."""
    return {name: stored(setting) for name, setting in settings.items()}


def kept_values() -> st.SearchStrategy[dict[str, Any]]:
    """What stands in `kept`: any of its keys, set."""
    some = {key: stored(setting).filter(setting.is_set) for key, setting in OF_KEPT.items()}
    return st.fixed_dictionaries({}, optional=some)


def stored(setting: Setting) -> st.SearchStrategy[Any]:
    """What one setting may hold."""
    texts = st.sampled_from(EXAMPLES[setting.each])
    least = 0 if setting.least is None else setting.least
    most = 100_000 if setting.most is None else setting.most
    match setting.kind:
        case Kind.FLAG:
            return st.sampled_from([None, True, False])
        case Kind.WHOLE:
            return st.none() | st.integers(int(least), int(most))
        case Kind.NUMBER:
            return st.none() | st.floats(least, most)
        case Kind.CHOICE | Kind.SWITCH:
            return st.sampled_from(["", *dict(setting.choices)])
        case Kind.LINE:
            return st.just("") | texts
        case Kind.TEXT:
            return st.just("") | texts if setting.each else st.sampled_from(["", "One", "Two\nlines ", "> "])
        case Kind.LABEL:
            return st.sampled_from([None, False, "Working"])
        case Kind.LINES:
            lists = st.lists(texts, max_size=3, unique=True)
            return st.none() | (lists if setting.empty_counts else lists.filter(bool))
        case Kind.LINKS:
            names = st.sampled_from(["carol", "Dave B."])
            return st.none() | st.dictionaries(names, st.just(["mattermost:" + "c" * 26]), min_size=1)
    raise AssertionError(f"{setting.key} has values of its own")
