"""The way to the mail server, which remembers whom the server did not take.

A server may take a mail for some of its recipients only. That is no error of SMTP (RFC 5321, 3.3), so Django's backend
says nothing of it.
"""

from __future__ import annotations

import smtplib
from typing import Any

from django.core.mail.backends import smtp


class _Refusals:
    """For a class of `smtplib`: keeps what `sendmail` returns."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        #: By address the code and the text with which the server refused it.
        self.refused: dict[str, tuple[int, bytes]] = {}
        super().__init__(*args, **kwargs)

    def sendmail(self, *args: Any, **kwargs: Any) -> dict[str, tuple[int, bytes]]:
        """Send, and keep who was refused."""
        refused: dict[str, tuple[int, bytes]] = super().sendmail(*args, **kwargs)  # type: ignore[misc]
        self.refused.update(refused)
        return refused


class _Plain(_Refusals, smtplib.SMTP):
    """SMTP, perhaps with STARTTLS."""


class _Encrypted(_Refusals, smtplib.SMTP_SSL):
    """SMTP over TLS."""


class EmailBackend(smtp.EmailBackend):
    """Django's, with `refused`: whom the server did not take of a mail that it took for others."""

    refused: dict[str, tuple[int, bytes]]
    connection: _Plain | _Encrypted | None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.refused = {}

    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        """The class of connections."""
        return _Encrypted if self.use_ssl else _Plain

    def close(self) -> None:
        """Close the connection; what it knows of refusals stays."""
        if self.connection is not None:
            self.refused.update(self.connection.refused)
        super().close()
