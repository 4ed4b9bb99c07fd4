"""`.env.example` names exactly what is read, with the defaults that hold."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
READERS = ("durar_site/settings.py", "mattermost_bridge/config/effective.py")


def names_read() -> set[str]:
    """Every variable that a reader of `durar_site.environment` is asked for, secrets with their `_FILE`."""
    names = set()
    for path in READERS:
        source = (ROOT / path).read_text()
        readers = "text|flag|seconds|port|words|networks|time_zone|secret"
        for reader, name in re.findall(rf'\b({readers})\(\s*"([A-Z_]+)"', source):
            names |= {name, f"{name}_FILE"} if reader == "secret" else {name}
        for name in re.findall(r'\b(?:_from_environment|environment_value)\(\s*"([A-Z_]+)"', source):
            names |= {name, f"{name}_FILE"}
    return names


def names_documented() -> dict[str, str]:
    """Name and default of every line of the example."""
    return dict(re.findall(r"^# ([A-Z_]+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE))


def test_everything_that_is_read_is_documented_and_nothing_else():
    assert names_read() == set(names_documented())


def test_the_example_sets_nothing_by_itself():
    lines = (ROOT / ".env.example").read_text().splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == []


@pytest.mark.parametrize(
    "name", sorted(name for name, value in names_documented().items() if re.fullmatch(r"\d+", value))
)
def test_the_number_in_the_example_is_the_default(name):
    source = (ROOT / "durar_site/settings.py").read_text()
    [default] = re.findall(rf'"{name}", (?:default=)?([\w.]+)', source)
    assert float({"False": 0}.get(default, default)) == float(names_documented()[name])
