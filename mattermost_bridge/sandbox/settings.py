"""What can be set about a sandbox, at its start or by the control interface."""

from dataclasses import dataclass

OLD, NEW = "5.37", "11"
VERSIONS = (OLD, NEW)


@dataclass(slots=True)
class Settings:
    """The server's own numbers; the defaults are those of Mattermost 5.37, times in seconds."""

    version: str = OLD
    dedupe_window: float = 30.0
    """how long a `pending_post_id` is remembered; 0 switches it off"""
    auth_timeout: float = 5.0
    """how long a WebSocket may stay unauthenticated"""
    ping_interval: float = 60.0
    pong_wait: float = 100.0
    max_file_size: int = 104_857_600
    """bytes of a file that may be uploaded"""
    queue_limit: int = 256
    """events that may wait for a slow reader before its socket is dropped"""
    enable_commands: bool = True
    """EnableCommands: without it there are no custom slash commands at all"""
    internal_connections: bool = True
    """whether AllowedUntrustedInternalConnections lets integrations at private addresses be called"""
    echo: str = "before"
    """whether the author's sockets hear of a post `before` or `after` the answer to the POST; really it is both"""

    @property
    def modern(self) -> bool:
        """Tell whether the server behaves like 11 instead of 5.37."""
        return self.version == NEW

    @property
    def release(self) -> str:
        """Return the version number that clients see."""
        return "11.6.0" if self.modern else "5.37.0"

    @property
    def version_id(self) -> str:
        """Return `X-Version-Id`: version, build and the hash of the configuration."""
        digest = "62348ee83ecdab5911e2a725db0be014"
        return f"{self.release}.local.{digest * 2 if self.modern else digest}.false"
