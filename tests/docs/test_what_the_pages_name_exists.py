"""Every command, setting, variable and page that docs/ and the README name is there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class
from django.core.management.base import CommandError

from mattermost_bridge.config.setting import Where
from mattermost_bridge.config.table import ALL
from mattermost_bridge.rules.reasons import Reason
from tests.rules.test_doctor import ids

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
#: Objects whose keys stand in the tables, and words of files that Durar names and are no settings.
OBJECTS = {
    *("channels.mattermost", "channels.mattermost.accounts", "channels.mattermost.accounts.<id>", "durar", "gateway"),
    *("accessGroup", "accessGroups", "accounts", "groups", "models", "agents", "bindings", "commands", "interactions"),
    *("actions", "dmChannelRetry", "implicitMentions", "replyToModeByChatType", "markdown", "network", "session"),
}
_CODE = re.compile(r"`([^`\n]+)`")
_FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
_KEY = re.compile(r"[a-z][A-Za-z]*(\.[A-Za-z<>*]+)*")
#: So begins what is a key beyond doubt.
_BEGINS = re.compile(r"(channels|messages|session|commands|durar|gateway|implicitMentions|replyToModeByChatType)\.")
_SOME_KEYS = ("channels", "pairing", "groups", "routing", "security")


def text_of(page: Path) -> str:
    """A page; what a test of its own compares with code is left out."""
    return re.sub(r"<!-- (\w+): made by .*?<!-- end of \1 -->", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)


def commands() -> list[tuple[str, str]]:
    """Each command line that is named, with the page: lines of examples, and what stands as code in a sentence."""
    found = []
    for page in PAGES:
        text = text_of(page)
        blocks = "\n".join(_FENCE.findall(text))
        lines = [line.strip() for line in text.splitlines() if line.startswith("    Durar ")]
        lines += [line for line in blocks.splitlines() if line.startswith("Durar ")]
        inline = [code for code in _CODE.findall(_FENCE.sub("", text)) if code.startswith("Durar ")]
        found += [(page.name, line) for line in (*lines, *inline)]
    return found


def test_commands_are_found():
    assert len(commands()) > 15
    assert ("pairing.md", "Durar pairing approve mattermost ABCD2345") in commands()


@pytest.mark.parametrize(("page", "line"), commands())
def test_every_command_is_taken_by_its_parser(page, line):
    line = re.split(r"\s+#\s|\s+>\s", line)[0]
    _durar, name, *words = shlex.split(line.replace("...", "X"))
    if name == "X" or (len(name) == 1 and name.isupper()):
        return  # `Durar COMMAND` and `Durar X` stand for any
    known = get_commands()
    assert name in known, f"{page} names {line!r}, and there is no such command."
    parser = load_command_class(known[name], name).create_parser("Durar", name)
    try:
        parser.parse_args(words)
    except CommandError as problem:
        pytest.fail(f"{page} names {line!r}, which is refused: {problem}")


def keys() -> set[str]:
    """Every key by each name under which a page may write it."""
    found = set(OBJECTS)
    for setting in ALL:
        found.add(setting.key)
        if setting.where in (Where.SHARED, Where.SECTION):
            found.add(f"channels.mattermost.{setting.key}")
    return found


@pytest.mark.parametrize("page", [page for page in PAGES if page.stem != "contributing"], ids=lambda page: page.name)
def test_every_setting_that_is_named_is_one(page):
    # What `doctor` finds is called by names of the same form.
    known = keys() | ids()
    codes = _CODE.findall(_FENCE.sub("", text_of(page)))
    certain = [code for code in codes if _BEGINS.match(code) and _KEY.fullmatch(code)]
    if page.stem in _SOME_KEYS:
        # These pages are about settings, so whatever is written like a key has to be one.
        certain += [code for code in codes if _KEY.fullmatch(code) and re.search(r"[a-z][A-Z]|\.", code)]
    assert [code for code in certain if code not in known and not code.endswith(".md")] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_variable_that_is_named_is_known(page):
    known = (ROOT / ".env.example").read_text(encoding="utf-8")
    named = re.findall(r"`((?:DURAR|MATTERMOST|DATABASE|REDIS|DJANGO)_[A-Z_]+[A-Z])`", text_of(page))
    assert [name for name in named if f"{name}=" not in known and "TEST" not in name] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_page_that_is_linked_is_there(page):
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    local = [link for link in links if "://" not in link]
    assert [link for link in local if not (page.parent / link).exists()] == []


def test_the_readme_leads_to_every_page():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [page.name for page in PAGES if page.name != "README.md" and f"(docs/{page.name})" not in readme] == []


def test_reasons_are_called_as_the_panel_calls_them():
    table = text_of(ROOT / "docs" / "channels.md").split("| reason | what to do |")[1]
    rows = [line.split("|")[1].strip() for line in table.splitlines()[2:] if line.startswith("| ")]
    labels = {reason.label for reason in Reason}
    named = [label.strip() for row in rows if "nothing stands" not in row for label in row.split(",")]
    assert len(named) >= 4
    assert [label for label in named if label not in labels] == []
