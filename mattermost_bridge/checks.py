"""System checks: what an operator can get wrong, each with an id and a hint.

Those that look into the database run where Django runs such checks (`migrate`, `check --database default`) and in
`Durar up`; the others with every command that checks.
"""

from __future__ import annotations

import ipaddress
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Tags, Warning, register
from django.db import connections

from mattermost_bridge.models import Account, AlertTarget, BridgeDefaults
from mattermost_bridge.models.fields import WrongKeyError
from mattermost_bridge.models.states import AlertTargetKind

TAG = "durar"
SHORTEST_SECRET_KEY = 32


@register(TAG)
def keys(**_: Any) -> list[CheckMessage]:
    """Both keys are there and have their form."""
    found: list[CheckMessage] = []
    if len(settings.SECRET_KEY) < SHORTEST_SECRET_KEY:
        found.append(
            Error(
                f"DJANGO_SECRET_KEY has fewer than {SHORTEST_SECRET_KEY} characters: sessions could be forged.",
                hint="Set it to a long random text, the same on every host.",
                id="durar.E001",
            )
        )
    if not settings.ENCRYPTION_KEYS:
        found.append(
            Error(
                "DURAR_ENCRYPTION_KEYS is empty: no token can be kept.",
                hint="Set it to one or more Fernet keys, separated by commas, the same on every host.",
                id="durar.E002",
            )
        )
    for place, key in enumerate(settings.ENCRYPTION_KEYS, start=1):
        try:
            Fernet(key)
        except ValueError:
            found.append(
                Error(
                    f"Key {place} in DURAR_ENCRYPTION_KEYS is no Fernet key (32 bytes in URL-safe base64).",
                    hint="Make one with: python -c 'from cryptography.fernet import Fernet; "
                    "print(Fernet.generate_key().decode())'",
                    id="durar.E003",
                )
            )
    return found


@register(TAG)
def public_address(**_: Any) -> list[CheckMessage]:
    """What strangers can reach is protected as such."""
    found: list[CheckMessage] = []
    address = urlsplit(settings.PUBLIC_URL)
    if settings.DEBUG and settings.PUBLIC_URL:
        found.append(
            Warning(
                "DURAR_DEBUG is on while DURAR_PUBLIC_URL is set: error pages show code and settings to everybody.",
                hint="Remove DURAR_DEBUG.",
                id="durar.W001",
            )
        )
    if settings.PUBLIC_URL and address.scheme != "https" and not is_loopback(address.hostname or ""):
        found.append(
            Warning(
                "DURAR_PUBLIC_URL is not https: passwords and sessions travel in clear.",
                hint="Put a proxy with a certificate in front of Durar and name its https:// address.",
                id="durar.W002",
            )
        )
    if "*" in settings.ALLOWED_HOSTS:
        found.append(
            Warning(
                "DURAR_ALLOWED_HOSTS holds *: every host name is accepted, so links in pages can be forged.",
                hint="Name the hosts under which people reach the panel.",
                id="durar.W005",
            )
        )
    return found


@register(TAG)
def parts_that_belong_together(**_: Any) -> list[CheckMessage]:
    """Database and broker are both embedded or both given: many hosts share both or neither."""
    if settings.EMBEDDED == settings.EMBEDDED_BROKER:
        return []
    given, missing = ("REDIS_URL", "DATABASE_URL") if settings.EMBEDDED else ("DATABASE_URL", "REDIS_URL")
    kept = "database" if settings.EMBEDDED else "broker"
    return [
        Warning(
            f"{given} is set and {missing} is not: the {kept} of this machine is used, which other hosts cannot reach.",
            hint=f"Set {missing} too, or remove {given} if everything runs on one machine.",
            id="durar.W003",
        )
    ]


@register(TAG)
def rights(**_: Any) -> list[CheckMessage]:
    """Nobody else on the machine can read the keys and the database."""
    found: list[CheckMessage] = []
    mode = _mode(settings.STATE_DIR)
    if mode is not None and mode & 0o077:
        found.append(
            Warning(
                f"Other users of this machine may look into the state directory {settings.STATE_DIR} (mode {mode:o}).",
                hint=f"Run: chmod 700 {settings.STATE_DIR}",
                id="durar.W004",
            )
        )
    for name in ("encryption_key", "django_secret_key"):
        path = settings.STATE_DIR / name
        mode = _mode(path)
        if mode is not None and mode & 0o077:
            found.append(
                Warning(
                    f"Other users of this machine may read the key in {path} (mode {mode:o}).",
                    hint=f"Run: chmod 600 {path}",
                    id="durar.W006",
                )
            )
    return found


@register(TAG, Tags.database)
def records(*, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """The keys fit the database, and there is an account with an agent to do something for."""
    if "default" not in (databases or ()) or not _is_migrated():
        return []
    try:
        BridgeDefaults.objects.filter(pk=1).values_list("key_check", flat=True).first()
    except WrongKeyError as error:
        return [
            Error(
                f"The keys do not fit the database. {error}",
                hint="Give every host the keys with which the secrets of this database were saved.",
                id="durar.E004",
            )
        ]
    enabled = Account.objects.filter(enabled=True, archived_at=None)
    if not enabled.exists():
        return [
            Info(
                "There is no enabled account yet: no bot is connected.",
                hint="Add one in the panel under Accounts, or import a file: Durar config import FILE.json5",
                id="durar.I001",
            )
        ]
    default_agent = BridgeDefaults.objects.filter(pk=1, agent__isnull=False).exists()
    without = [] if default_agent else list(enabled.filter(agent=None).values_list("account_id", flat=True)[:10])
    return [
        Info(
            f"The account {account_id} has no agent: what people write to it waits, and nobody is answered.",
            hint="Choose an agent for it in the panel, or one in the defaults for all accounts.",
            id="durar.I002",
        )
        for account_id in without
    ]


@register(TAG, Tags.database)
def alerts(*, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Alerts that are to go by e-mail have a mail server."""
    if "default" not in (databases or ()) or settings.MAIL_CONFIGURED or not _is_migrated():
        return []
    by_mail = AlertTarget.objects.filter(kind=AlertTargetKind.EMAIL, enabled=True)
    return [
        Warning(
            f'The alert target "{name}" is told by e-mail, and no mail server is configured: nothing reaches it.',
            hint="Set DURAR_EMAIL_URL (and DURAR_EMAIL_FROM), or switch the target off.",
            id="durar.W007",
        )
        for name in by_mail.values_list("name", flat=True)[:10]
    ]


def is_loopback(host: str) -> bool:
    """Whether `host` can only be this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _mode(path: Path) -> int | None:
    """The rights of `path`; None where there is nothing."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return None


def _is_migrated() -> bool:
    """Whether the tables are there; before the first `migrate` there is nothing to look into."""
    tables = {model._meta.db_table for model in (BridgeDefaults, Account, AlertTarget)}
    return tables <= set(connections["default"].introspection.table_names())
