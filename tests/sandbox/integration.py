"""A program that Mattermost calls when somebody clicks: it keeps what it was sent and answers what it is told."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any


@dataclass
class Integration:
    """An HTTP server on a free port; a context manager. `status` and `body` are its answer to everything."""

    status: int = 200
    body: bytes = b"{}"
    kind: str = ""
    calls: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def __enter__(self) -> Integration:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                outer.take(sent, dict(self.headers.items()))
                self.send_response(outer.status)
                if outer.kind:
                    self.send_header("Content-Type", outer.kind)
                self.send_header("Content-Length", str(len(outer.body)))
                self.end_headers()
                self.wfile.write(outer.body)

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def take(self, sent: bytes, headers: dict[str, str]) -> None:
        """Keep what was sent."""
        self.calls.append(json.loads(sent))
        self.headers.append(headers)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/clicked"

    def answers(self, value: Any) -> None:
        """Answer with this JSON from now on."""
        self.body = json.dumps(value).encode()


@dataclass
class CommandIntegration(Integration):
    """The same for slash commands, whose bodies are forms: `calls` has each with its `body` and `headers`.

    `kind` is the content type of its answer.
    """

    kind: str = "application/json"

    def take(self, sent: bytes, headers: dict[str, str]) -> None:
        """Keep what was sent."""
        self.calls.append({"body": sent.decode(), "headers": headers})
