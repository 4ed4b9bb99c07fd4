"""What `doctor` says about Mattermost calling Durar, for clicks on buttons and for slash commands alike: whether the
server's own settings let it, and whether the address can be meant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from mattermost_bridge.rules.addresses import is_public
from mattermost_bridge.rules.doctor import Finding, Level
from mattermost_bridge.rules.marking import Filled
from mattermost_bridge.rules.marking import gettext_noop as _

#: Ends of names that only private networks know; Tailscale's lead to carrier-grade addresses, which are refused too.
_PRIVATE_NAMES = (".local", ".internal", ".lan", ".localhost", ".home.arpa", ".ts.net")


@dataclass(frozen=True, slots=True)
class IntegrationSettings:
    """What the server's own configuration says, which only a system administrator may read."""

    post_actions: bool = True
    allowed_connections: str = ""

    @property
    def entries(self) -> list[str]:
        """The entries of AllowedUntrustedInternalConnections."""
        return self.allowed_connections.replace(",", " ").split()


@dataclass(frozen=True, slots=True)
class Called:
    """What Mattermost calls Durar for: the ids of what is found, and what happens when it does not call."""

    full_address: str
    not_allowed: str
    consequence: str


BUTTONS = Called("buttons.allowed_urls", "buttons.not_allowed", _("clicks on buttons do nothing"))
COMMANDS = Called("commands.allowed_urls", "commands.not_allowed", _("slash commands do not arrive"))


def host_of(url: str) -> str:
    """The host of an address in small letters, "" when it has none."""
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


def is_private(url: str) -> bool:
    """Whether Mattermost takes the host of an address for one that it must not call unless that is allowed. Names are
    judged by their form only: what the server resolves them to, Durar cannot know."""
    host = host_of(url)
    try:
        ip_address(host)
    except ValueError:
        return "." not in host or host.endswith(_PRIVATE_NAMES)
    return not is_public(host)


def is_allowed(url: str, entries: Sequence[str]) -> bool:
    """Whether `AllowedUntrustedInternalConnections` has the host of an address, by name, address or network."""
    host = host_of(url)
    for entry in entries:
        if entry.lower() == host:
            return True
        try:
            if ip_address(host) in ip_network(entry, strict=False):
                return True
        except ValueError:
            continue
    return False


def is_same_place(url: str, server_url: str) -> bool:
    """Whether two addresses lead to the same host and port."""
    return bool(host_of(url)) and _place(url) == _place(server_url)


def _place(url: str) -> tuple[str, int | None]:
    try:
        parts = urlsplit(url)
        return host_of(url), parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return host_of(url), None


def of_allowed(called: Called, url: str, settings: IntegrationSettings) -> list[Finding]:
    """What the list of internal addresses that Mattermost may call means for a callback address; nothing when it is
    let through."""
    found: list[Finding] = []
    host, entries = host_of(url), settings.entries
    if urls := [entry for entry in entries if "://" in entry]:
        bare = host_of(urls[0]) or host
        found.append(
            Finding(
                called.full_address,
                Level.WARNING,
                Filled(
                    _("AllowedUntrustedInternalConnections has full addresses ({urls}), which match nothing."),
                    urls=", ".join(urls),
                ),
                Filled(_("Put host names or networks there, without http:// and a path: {host}."), host=bare),
            )
        )
    if is_private(url) and not is_allowed(url, entries):
        found.append(
            Finding(
                called.not_allowed,
                Level.BROKEN,
                Filled(
                    _("Mattermost refuses to call {host}: it is an internal address, and {consequence}."),
                    host=host,
                    consequence=Filled(called.consequence),
                ),
                Filled(_("Add {host} to ServiceSettings.AllowedUntrustedInternalConnections."), host=host),
            )
        )
    return found
