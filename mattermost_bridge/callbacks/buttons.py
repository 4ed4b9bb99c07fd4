"""POST /mattermost/interactions/<account>: somebody clicked a button."""

from __future__ import annotations

import asyncio
import re
from weakref import WeakValueDictionary

import structlog
from django.conf import settings

from mattermost_bridge.callbacks.guard import Answer, Call, in_thread
from mattermost_bridge.config.effective import AccountSettings, settings_for
from mattermost_bridge.models import Account
from mattermost_bridge.rules.callback_urls import INTERACTIONS
from mattermost_bridge.rules.clicks import Refusal, parse_body
from mattermost_bridge.rules.doctor_buttons import ClickTrouble
from mattermost_bridge.rules.source_addresses import is_allowed, networks_of, source_of
from mattermost_bridge.services import call_troubles, clicks, probes

log = structlog.get_logger(__name__)

#: So long, in seconds, a click waits for others on the same post; Mattermost itself gives up after 30.
WAIT_SECONDS = 20.0

_PATH = re.compile(re.escape(INTERACTIONS) + r"(?P<account>[^/]+)/?")


class ButtonClicks:
    """The callback of clicks. Its answers are JSON: what to do with the post, or `{"error": ...}`."""

    body_seconds = 10.0

    def __init__(self) -> None:
        self._turns: WeakValueDictionary[tuple[int, str], asyncio.Lock] = WeakValueDictionary()

    def matches(self, path: str) -> bool:
        """Whether this is the address of an account's buttons."""
        return _PATH.fullmatch(path) is not None

    def wrong_method(self) -> Answer:
        """Clicks are POSTed."""
        return Answer(405, {"error": "Method Not Allowed"}, (("Allow", "POST"),))

    def too_large(self) -> Answer:
        """64 KiB are more than any click has."""
        return _error(413, "Payload too large")

    def too_slow(self) -> Answer:
        """Mattermost sends a click in one go."""
        return _error(408, "Request body timeout")

    def broken(self) -> Answer:
        """A body that is not what it says."""
        return _error(400, "Invalid request body")

    def failed(self) -> Answer:
        """A defect of ours, or the database is away: whoever clicked may try again."""
        return _error(500, "Interaction handler failed")

    async def before_body(self, call: Call) -> Answer | None:
        """Unknown accounts, and sources from which no clicks are taken."""
        account = await in_thread(_account, call.path)
        if account is None:
            return _error(404, "Unknown account")
        source = source_of(
            call.remote,
            forwarded_for=call.headers.get("x-forwarded-for", ""),
            real_ip=call.headers.get("x-real-ip", ""),
            proxies=[*settings.TRUSTED_PROXIES, *networks_of(account.gateway.trusted_proxies)],
            real_ip_counts=account.gateway.allow_real_ip_fallback,
        )
        if is_allowed(source, account.interactions.allowed_source_ips):
            return None
        log.warning(
            "a click came from an address from which none are taken; see interactions.allowedSourceIps, and "
            "gateway.trustedProxies when a proxy stands in front",
            account=account.account_id,
            source=str(source or "unknown"),
            connection=call.remote,
        )
        await in_thread(probes.note_refusal, account.pk, str(source or call.remote))
        return _error(403, "Forbidden origin")

    async def answer(self, call: Call, body: bytes) -> Answer:
        """Check the click and take it. Clicks on one post take turns, so that the first is over before the second."""
        account = await in_thread(_account, call.path)
        if account is None:
            return _error(404, "Unknown account")
        try:
            click = await in_thread(lambda: clicks.verify(account, parse_body(body)))
            # Kept in a variable: the dictionary holds it only as long as somebody does.
            turn = self._turns.setdefault((account.pk, click.post_id), asyncio.Lock())
            try:
                async with asyncio.timeout(WAIT_SECONDS):
                    await turn.acquire()
            except TimeoutError as problem:
                raise Refusal(
                    500, "Failed to validate interaction", logged="clicks on one post wait too long"
                ) from problem
            try:
                return Answer(200, await in_thread(clicks.answer, account, click))
            finally:
                turn.release()
        except Refusal as refusal:
            log.warning(refusal.logged or "a click was refused", account=account.account_id, answer=refusal.error)
            if refusal.logged in set(ClickTrouble):
                await in_thread(call_troubles.note, account.pk, ClickTrouble(refusal.logged))
            return _error(refusal.status, refusal.error)


def _account(path: str) -> AccountSettings | None:
    """The account of an address, as long as it is switched on."""
    found = _PATH.fullmatch(path)
    rows = Account.objects.filter(account_id=found["account"] if found else "", archived_at=None)
    pk = rows.values_list("pk", flat=True).first()
    account = settings_for(pk) if pk is not None else None
    return account if account is not None and account.enabled else None


def _error(status: int, error: str) -> Answer:
    return Answer(status, {"error": error})
