"""The address of the browser behind a request. A header says it only where a proxy of ours stands in front.

Anybody can send an X-Forwarded-For header. It is read only when the connection itself comes from one of
DURAR_TRUSTED_PROXIES, and then from its end: the last address that is no proxy of ours.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import sync_and_async_middleware

from mattermost_bridge.services.audit import acting_from


def client_address(request: HttpRequest) -> str:
    """The browser's address; "" when the server does not know it, as on a socket of the file system."""
    address = _parsed(request.META.get("REMOTE_ADDR", ""))
    for hop in reversed(request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")):
        if address is None or not _is_trusted(address):
            break
        before = _parsed(hop)
        if before is None:
            break
        address = before
    return str(address) if address else ""


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text.strip())
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _is_trusted(address: IPv4Address | IPv6Address) -> bool:
    return any(address in network for network in settings.TRUSTED_PROXIES)


@sync_and_async_middleware
def client_address_middleware(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Let the audit log know from where the request comes."""
    if iscoroutinefunction(get_response):

        async def answer_async(request: HttpRequest) -> HttpResponse:
            with acting_from(client_address(request)):
                return await get_response(request)

        return answer_async

    def answer(request: HttpRequest) -> HttpResponse:
        with acting_from(client_address(request)):
            return get_response(request)

    return answer
