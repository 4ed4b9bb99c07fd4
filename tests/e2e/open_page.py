"""An open page of a stack's panel, as far as its WebSocket goes."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.e2e.processes import wait_for


class OpenPage:
    """Connects with a session's key and keeps what it is told, each message with its moment. Use as a context."""

    def __init__(self, port: int, session: str, *, origin: str = "") -> None:
        self.told: list[tuple[float, dict[str, Any]]] = []
        self.close_code: int | None = None
        self._connecting = connect(
            f"ws://127.0.0.1:{port}/ws/live/",
            origin=origin or f"http://127.0.0.1:{port}",  # type: ignore[arg-type]
            additional_headers={"Cookie": f"durar_session={session}"},
            open_timeout=10,
            close_timeout=2,
            compression=None,
        )
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> OpenPage:
        self._socket = self._connecting.__enter__()
        self._thread.start()
        return self

    def __exit__(self, *exc: Any) -> None:
        self._connecting.__exit__(*exc)
        self._thread.join(5)

    def _listen(self) -> None:
        try:
            for message in self._socket:
                self.told.append((time.monotonic(), json.loads(message)))
        except ConnectionClosed:
            pass
        finally:
            self.close_code = self._socket.protocol.close_code

    def ping(self) -> None:
        """As a page does it: the answer goes by way of the broker."""
        self._socket.send('{"type": "ping"}')

    def of_type(self, kind: str) -> list[float]:
        """When messages of this type came."""
        return [at for at, message in self.told if message["type"] == kind]

    def changes(self, kind: str) -> list[tuple[float, dict[str, Any]]]:
        """Changes of a kind, with the moment of their message."""
        return [
            (at, change) for at, message in self.told for change in message.get("changes", ()) if change["kind"] == kind
        ]

    def ready(self, limit: float = 20.0) -> None:
        """Wait until messages come by the broker: the page has joined its groups."""
        before = len(self.of_type("pong"))
        self.ping()
        wait_for(lambda: len(self.of_type("pong")) > before, limit, what="the answer to a ping")
