"""Addresses of a Mattermost server: the base URL an operator types, and what is derived from it."""

from urllib.parse import quote, unquote, urlsplit, urlunsplit

API_PATH = "/api/v4"
_DEFAULT_PORTS = {"http": 80, "https": 443}


def normalise_base_url(text: str) -> str:
    """Return the server's base URL without trailing slashes and without a trailing /api/v4.

    A server may live below a path (`https://example.com/chat`). Raises ValueError with a sentence for an operator when
    the text is no http(s) address, or holds what an address of a server must not: credentials, a query, a fragment.
    """
    trimmed = text.strip()
    if any(not character.isprintable() or character in ' \\"<>' for character in trimmed):
        raise ValueError(
            "The base URL holds a blank or a character that no address has. Example: https://chat.example.com"
        )
    try:
        parts = urlsplit(trimmed)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"The base URL cannot be read: {error}. Example: https://chat.example.com") from None
    if parts.scheme.lower() not in ("http", "https"):
        raise ValueError("The base URL must start with http:// or https://. Example: https://chat.example.com")
    if not parts.hostname or port == 0:
        raise ValueError("The base URL names no host. Example: https://chat.example.com")
    if parts.username is not None or parts.password is not None:
        raise ValueError("The base URL must not hold a user name or password; the bot token has a field of its own.")
    if parts.query or parts.fragment or trimmed.endswith(("?", "#")):
        raise ValueError("The base URL must end with the path: remove everything from the ? or # on.")
    path = parts.path.rstrip("/")
    if path.lower().endswith(API_PATH):
        path = path[: -len(API_PATH)].rstrip("/")
    if any(unquote(segment) in (".", "..") for segment in path.split("/")):
        raise ValueError("The base URL must not hold . or .. as a part of its path.")
    scheme = parts.scheme.lower()
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    if port is not None and port != _DEFAULT_PORTS[scheme]:
        host = f"{host}:{port}"
    return urlunsplit((scheme, host, path, "", ""))


def websocket_url(base_url: str) -> str:
    """Return the address of the server's WebSocket: ws for http, wss for https."""
    parts = urlsplit(normalise_base_url(base_url))
    scheme = "wss" if parts.scheme == "https" else "ws"
    return urlunsplit((scheme, parts.netloc, f"{parts.path}{API_PATH}/websocket", "", ""))


def api_path(*segments: str) -> str:
    """Return the path below the base URL, each segment percent-encoded, so that an id can never become another path.

    Raises ValueError for a segment that is empty, `.` or `..` (also encoded), or holds a control character or
    backslash: HTTP libraries and proxies would take those as a step to another place.
    """
    for segment in segments:
        decoded = unquote(segment)
        if not segment or decoded in (".", "..") or "\\" in decoded or not decoded.isprintable():
            raise ValueError("an id or name that stands in the address is empty or not allowed there")
    return "/".join([API_PATH, *(quote(segment, safe="") for segment in segments)])
