"""POST /api/channels/mattermost/send: another program sends a message by key."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from typing import Any

import structlog
from django.conf import settings

from mattermost_bridge.callbacks.guard import Answer, Call, in_thread
from mattermost_bridge.config.effective import gateway
from mattermost_bridge.models import SendKey
from mattermost_bridge.rules.source_addresses import networks_of, source_of
from mattermost_bridge.services import receipts, send_keys
from mattermost_bridge.services.errors import NotFound, Refused
from mattermost_bridge.services.receipts import Fate, Outcome
from mattermost_bridge.services.send_keys import Asked, NotAllowed, SameNameOtherMessage, TooMany

log = structlog.get_logger(__name__)

PATH = "/api/channels/mattermost/send"
#: Seconds that the answer waits for the post, where nothing is said and at most.
WAIT, MOST_WAIT = 5.0, 30.0
LONGEST_NAME = 200
_TEXTS = {
    "target": "target", "to": "target", "message": "message", "text": "message", "account": "account",
    "accountId": "account", "replyTo": "reply_to", "replyToId": "reply_to", "idempotencyKey": "idempotency_key",
}  # fmt: skip
_STATUS: tuple[tuple[type[Refused], int], ...] = (
    (TooMany, 429),
    (NotAllowed, 403),
    (SameNameOtherMessage, 409),
    (NotFound, 404),
    (Refused, 422),
)


class WrongBody(ValueError):
    """The body says nothing that could be sent. The text is a sentence."""


class SendByKey:
    """The address for cron jobs and webhooks. Its answers are JSON with `ok`, and `error` where something is wrong."""

    body_seconds = 10.0

    def matches(self, path: str) -> bool:
        """Whether this is the address."""
        return path.rstrip("/") == PATH

    def wrong_method(self) -> Answer:
        """Messages are POSTed."""
        return Answer(405, {"ok": False, "error": "Send messages with POST."}, (("Allow", "POST"),))

    def too_large(self) -> Answer:
        """More than a message and its words."""
        return _error(413, "The body is larger than 64 KiB. Send files by their address.")

    def too_slow(self) -> Answer:
        """The body has to come in one go."""
        return _error(408, "The body did not arrive in time.")

    def broken(self) -> Answer:
        """A body that is not as long as it says."""
        return _error(400, "The body is not as long as its Content-Length says.")

    def failed(self) -> Answer:
        """A defect of ours, or the database is away."""
        return _error(500, "The message could not be taken. Try again with the same idempotency key.")

    async def before_body(self, call: Call) -> Answer | None:
        """A call without a key that holds is not read."""
        return None if await in_thread(_key, call) is not None else _unauthorized()

    async def answer(self, call: Call, body: bytes) -> Answer:
        """Take the message, wait a moment for its post, and say how it stands."""
        key = await in_thread(_key, call)
        if key is None:
            return _unauthorized()
        try:
            asked, seconds = _asked(call, body)
            await in_thread(send_keys.take_turn, key, await in_thread(_source, call))
            deliveries, repeated = await in_thread(send_keys.send, key, asked)
        except WrongBody as problem:
            return _error(400, str(problem))
        except Refused as refused:
            status = next(status for kind, status in _STATUS if isinstance(refused, kind))
            log.info("a message by key was refused", key=key.name, status=status)
            headers = (("Retry-After", str(refused.seconds)),) if isinstance(refused, TooMany) else ()
            return Answer(status, {"ok": False, "error": str(refused)}, headers)
        found = await _wait(deliveries, seconds)
        return _receipt(found, deliveries, repeated=repeated)


def _key(call: Call) -> SendKey | None:
    scheme, _, secret = call.headers.get("authorization", "").partition(" ")
    return send_keys.by_secret(secret.strip()) if scheme.lower() == "bearer" else None


def _source(call: Call) -> str:
    proxies = gateway()
    found = source_of(
        call.remote,
        forwarded_for=call.headers.get("x-forwarded-for", ""),
        real_ip=call.headers.get("x-real-ip", ""),
        proxies=[*settings.TRUSTED_PROXIES, *networks_of(proxies.trusted_proxies)],
        real_ip_counts=proxies.allow_real_ip_fallback,
    )
    return str(found or call.remote)


def _asked(call: Call, body: bytes) -> tuple[Asked, float]:
    """The message of a body, and how long its sender waits. Raises WrongBody."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        raise WrongBody('The body is no JSON. Send an object as {"target": "@carol", "message": "Hello"}.') from None
    if not isinstance(said, dict):
        raise WrongBody('The body is no JSON object. Send one as {"target": "@carol", "message": "Hello"}.')
    if unknown := sorted(set(said) - set(_TEXTS) - {"channel", "media", "wait"}):
        raise WrongBody(f"Unknown fields: {', '.join(unknown)[:200]}.")
    if str(said.get("channel", "mattermost")).lower() != "mattermost":
        raise WrongBody("The channel must be mattermost, or be left out.")
    values: dict[str, Any] = {}
    for field, name in _TEXTS.items():
        if said.get(field) is None:
            continue
        if not isinstance(said[field], str):
            raise WrongBody(f"The field {field} must be a text.")
        value = said[field] if name == "message" else said[field].strip()
        if values.setdefault(name, value) != value:
            raise WrongBody(f"The field {field} says something else than another one of its kind.")
    name = call.headers.get("idempotency-key", "").strip() or values.get("idempotency_key", "")
    if len(name) > LONGEST_NAME:
        raise WrongBody(f"The idempotency key has more than {LONGEST_NAME} characters.")
    if not name.isprintable():
        raise WrongBody("The idempotency key has signs in it that cannot be shown. Use letters, digits and -.")
    media = _media(said.get("media"))
    if not values.get("target"):
        raise WrongBody("The field target is missing: @username, #channel, user:ID or channel:ID.")
    return Asked(**values | {"media": media, "idempotency_key": name}), _seconds(said.get("wait"))


def _media(said: Any) -> tuple[str, ...]:
    media = [said] if isinstance(said, str) else said or []
    if not isinstance(media, list) or not all(isinstance(one, str) for one in media):
        raise WrongBody("The field media must be an address, or a list of them.")
    if len(media) > send_keys.MOST_MEDIA:
        raise WrongBody(f"{len(media)} files are too many for one call; {send_keys.MOST_MEDIA} are the most.")
    return tuple(media)


def _seconds(said: Any) -> float:
    if said is None:
        return WAIT
    if isinstance(said, bool) or not isinstance(said, int | float) or not 0 <= said <= MOST_WAIT:
        raise WrongBody(f"The field wait must be a number of seconds from 0 to {MOST_WAIT:g}.")
    return float(said)


async def _wait(deliveries: Sequence[int], seconds: float) -> Outcome:
    """As `receipts.wait`, without holding a thread meanwhile."""
    end = time.monotonic() + seconds
    for number in range(10**6):
        found = await in_thread(receipts.outcome, deliveries)
        left = end - time.monotonic()
        if found.fate is not Fate.WAITING or left <= 0:
            return found
        await asyncio.sleep(min(receipts.LOOKS[min(number, len(receipts.LOOKS) - 1)], left))
    return found


def _receipt(found: Outcome, deliveries: Sequence[int], *, repeated: bool) -> Answer:
    status = {Fate.SENT: 200, Fate.WAITING: 202, Fate.FAILED: 502}[found.fate]
    body: dict[str, Any] = {
        "ok": found.fate is not Fate.FAILED,
        "channel": "mattermost",
        "state": str(found.fate),
        "messageId": found.post_ids[0] if found.post_ids else None,
        "messageIds": list(found.post_ids),
        "channelId": found.channel_id or None,
        "links": list(found.links),
        "deliveryIds": list(deliveries),
        "repeated": repeated,
    }
    if found.sentence:
        body["error" if found.fate is Fate.FAILED else "waitsFor"] = found.sentence
    return Answer(status, body)


def _unauthorized() -> Answer:
    return Answer(
        401,
        {"ok": False, "error": "No key that holds was sent. Send Authorization: Bearer and a key made in the panel."},
        (("WWW-Authenticate", 'Bearer realm="Durar"'), ("Connection", "close")),
    )


def _error(status: int, error: str) -> Answer:
    return Answer(status, {"ok": False, "error": error})
