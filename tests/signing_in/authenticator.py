"""An authenticator app: one-time codes as RFC 6238 makes them, from the secret that the page shows."""

from __future__ import annotations

import base64
import hmac
import re
import struct
import time

from django.test import Client

ACTIVATE = "/me/second-factor/totp/activate/"
CODES = "/me/second-factor/recovery-codes/"


def code(secret: str, at: float | None = None) -> str:
    """The six digits of this half minute."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.digest(key, struct.pack(">Q", int((at or time.time()) // 30)), "sha1")
    start = digest[-1] & 0x0F
    number = struct.unpack(">I", digest[start : start + 4])[0] & 0x7FFFFFFF
    return f"{number % 10**6:06d}"


def confirm(client: Client, password: str) -> None:
    """Enter the password once more, as before every change of a second factor."""
    response = client.post("/me/confirm/", {"password": password, "next": "/me/"})
    assert response.status_code == 302, response.content.decode()


def set_up(client: Client, password: str) -> tuple[str, list[str]]:
    """Set up one-time codes in a browser; the secret and the recovery codes."""
    confirm(client, password)
    page = client.get(ACTIVATE).content.decode()
    found = re.search(r'value="([A-Z2-7]{20,})"', page)
    assert found, page
    response = client.post(ACTIVATE, {"code": code(found[1])})
    assert response.status_code == 302, response.content.decode()
    return found[1], re.findall(r"\b\d{8}\b", client.get(CODES).content.decode())


def wrong(right: str) -> str:
    """Another code."""
    return f"{(int(right) + 1) % 10**6:06d}"
