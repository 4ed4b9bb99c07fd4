"""Where Mattermost reaches Durar, and whether it can."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from mattermost_bridge.rules.marking import Filled
from mattermost_bridge.rules.marking import gettext_noop as _

DEFAULT_PORT = 18789
INTERACTIONS = "/mattermost/interactions/"
COMMAND_PATH = "/api/channels/mattermost/command"

_EVERYWHERE = frozenset({"", "0.0.0.0", "::", "0:0:0:0:0:0:0:0", "::0"})  # noqa: S104 - named to be replaced


def callback_base(*, callback_base_url: str = "", public_url: str = "", bind_host: str = "", port: int = 0) -> str:
    """The address, without a slash at its end, below which Mattermost calls Durar.

    It is `callbackBaseUrl`, else the public address, else the bind host with the port, else localhost with the port;
    a host that means every interface counts as localhost. Port 0 stands for 18789.
    """
    for configured in (callback_base_url, public_url):
        if base := configured.strip().rstrip("/"):
            return base
    host = bind_host.strip().removeprefix("[").removesuffix("]")
    if host in _EVERYWHERE:
        host = "localhost"
    return f"http://{f'[{host}]' if ':' in host else host}:{port or DEFAULT_PORT}"


def interaction_url(base: str, account_id: str) -> str:
    """Where clicks on the buttons of an account go."""
    return f"{base}{INTERACTIONS}{account_id}"


def command_url(base: str, path: str = "", explicit: str = "") -> str:
    """Where Mattermost sends slash commands: `callbackUrl` as it is written, else the callback path on the base.

    A path gets the slash that it lacks; a blank one is the usual path.
    """
    if url := explicit.strip():
        return url
    return f"{base}/{(path.strip() or COMMAND_PATH).lstrip('/')}"


def unreachable(url: str, server_url: str, setting: str) -> str:
    """A sentence when a server at `server_url` cannot reach the callback `url`, since that is a loopback address of
    ours and the server is elsewhere; "" when nothing speaks against it. `setting` is what to change then."""
    if not server_url or not is_loopback(url) or is_loopback(server_url):
        return ""
    words = _(
        "Mattermost at {server_url} is told to call {url}, which it can only reach when it runs on the same machine as "
        "Durar. Set {setting}, or DURAR_PUBLIC_URL, to an address of Durar that Mattermost can reach."
    )
    return Filled(words, server_url=server_url, url=url, setting=setting)


def is_loopback(url: str) -> bool:
    """Whether an address leads to the machine that opens it."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
