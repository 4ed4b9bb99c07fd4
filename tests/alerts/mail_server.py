"""A mail server on a port of this machine: it speaks SMTP as RFC 5321 has it and keeps what it was given."""

from __future__ import annotations

import contextlib
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage


@dataclass
class MailServer:
    """What arrived, and whom the server refuses with 550."""

    host: str = ""
    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)


@contextlib.contextmanager
def mail_server() -> Iterator[MailServer]:
    """A server that takes mail until the end of the block."""
    kept = MailServer()

    class Session(socketserver.StreamRequestHandler):
        timeout = 10

        def handle(self) -> None:
            taken: list[str] = []
            self._say("220 mail.example.com ready")
            while line := self.rfile.readline().decode().strip():
                verb, _, rest = line.partition(" ")
                match verb.upper():
                    case "QUIT":
                        self._say("221 bye")
                        return
                    case "RCPT" if (address := rest.partition("<")[2].partition(">")[0]) in kept.refused:
                        self._say(f"550 {address} is unknown here")
                    case "RCPT":
                        taken.append(address)
                        self._say("250 ok")
                    case "DATA":
                        self._say("354 go on")
                        kept.mails.append(self._mail())
                        kept.recipients.append(taken)
                        taken = []
                        self._say("250 taken")
                    case _:
                        self._say("250 ok")

        def _say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

        def _mail(self) -> EmailMessage:
            lines = []
            while (line := self.rfile.readline()) not in (b".\r\n", b""):
                lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
            return message_from_bytes(b"".join(lines), policy=policy.default)  # type: ignore[return-value]

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session) as server:
        server.daemon_threads = True
        kept.host, kept.port = server.server_address[:2]  # type: ignore[assignment]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield kept
        finally:
            server.shutdown()
            thread.join(10)
