"""What tests of configuration files share."""

from __future__ import annotations

from mattermost_bridge.config import importer
from mattermost_bridge.services.audit import Actor

ACTOR = Actor("alice (terminal)", "import")
CAROL, DAVE = "carol".ljust(26, "x"), "dave".ljust(26, "x")

ONE = """{
  channels: { mattermost: {
    enabled: true, botToken: "mm-token", baseUrl: "https://chat.example.com/api/v4/", dmPolicy: "pairing",
  } },
}"""


def take(text: str) -> importer.Imported:
    """Import a text."""
    return importer.run(text, actor=ACTOR)


def section(body: str) -> str:
    """A file with this in `channels.mattermost`."""
    return f"{{ channels: {{ mattermost: {{ {body} }} }} }}"
