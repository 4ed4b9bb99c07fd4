"""`Durar plugins`: Mattermost is built in, which is said, and nothing is installed."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command


def plugins(*words: str) -> str:
    out = StringIO()
    call_command("plugins", *words, stdout=out)
    return out.getvalue()


@pytest.mark.parametrize(
    "source", ["@Durar/mattermost", "@durar/mattermost@1.2.3", "mattermost", "./path/to/local/mattermost-plugin/"]
)
def test_what_is_built_in_needs_no_installation(source):
    assert plugins("install", source) == (
        f"Mattermost is built in (version {settings.VERSION}). Nothing was installed.\n"
    )


@pytest.mark.parametrize("source", ["@durar/slack", "@other/mattermost", "./mattermost/slack", ""])
def test_anything_else_is_refused_with_a_sentence(source):
    with pytest.raises(CommandError, match="bridges Mattermost, which is built in") as refused:
        plugins("install", source)
    assert refused.value.returncode == 1


def test_the_list_has_mattermost():
    assert plugins("list") == f"mattermost\t{settings.VERSION}\tbuilt in\n"
    (row,) = json.loads(plugins("list", "--json"))
    assert (row["id"], row["source"], row["version"]) == ("mattermost", "built in", settings.VERSION)
