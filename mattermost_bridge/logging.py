"""Structured logs: structlog through the standard library, one line each, and no secret in any of them.

Every record of this process, of Django, Celery, uvicorn and the libraries too, passes `redact` last, after exceptions
became text. `DURAR_LOG_JSON=1` writes one JSON object a line.
"""

from __future__ import annotations

import logging
import os
import re
import time
from typing import Any

import structlog
from django.core.exceptions import ImproperlyConfigured
from redis.exceptions import RedisError

REMOVED = "[removed]"
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")

_NAMES = (
    r"token|secret|passw(?:or)?d|pwd|api[_-]?key|private[_-]?key|secret[_-]?key|encryption[_-]?keys?|access[_-]?key"
    r"|authorization|cookie|sessionid|csrftoken|credentials?"
)
_SECRET_FIELD = re.compile(rf"(?:^|[_\-. ])(?:{_NAMES})$|(?:token|secret|password)$", re.IGNORECASE)
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    # Addresses with credentials, as of databases and brokers.
    (re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^\s/@'\"]*:[^\s@'\"]*@", re.IGNORECASE), rf"\1{REMOVED}@"),
    # Headers: everything after the scheme.
    (
        re.compile(r"\b(bearer|basic|token)\s+(?=[^\s'\"]*\d|[^\s'\"]{20})[\w.~+/=-]{6,}", re.IGNORECASE),
        rf"\1 {REMOVED}",
    ),
    # key=value, key: value, "key": "value", also inside JSON that was quoted once more. Quotes stay: it stays JSON.
    (
        re.compile(
            rf"((?:{_NAMES})\\*[\"']?\s*(?:=>|[=:])\s*)"
            rf"(?!\[removed\]|(?:None|null|True|False|true|false)\b)"
            rf"(?:b?(\\*[\"'])(?:(?!\2).)*\2|[^\s\"',;&}})\]]+)",
            re.IGNORECASE,
        ),
        rf"\1\2{REMOVED}\2",
    ),
    # Keys with a form of their own: agents' keys, Fernet keys.
    (re.compile(r"\bsk-[\w-]{8,}"), REMOVED),
    (re.compile(r"(?<![\w-])[\w-]{43}=(?![\w=])"), REMOVED),
)
_hidden: set[str] = set()


def hide(*secrets: str) -> None:
    """Remember values that must never be written, whatever stands around them. Shorter ones than 8 are left out:
    removing them would tear ordinary words apart."""
    _hidden.update(secret for secret in secrets if len(secret) >= 8)


def redact_text(text: str) -> str:
    """`text` without the secrets that can be known: hidden values, and whatever has the form or the name of one."""
    for secret in _hidden:
        if secret in text:
            text = text.replace(secret, REMOVED)
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def is_secret_key(name: str) -> bool:
    """Whether a field of this name holds a secret: token, bot_token, apiKey, password, Authorization and so on."""
    return bool(_SECRET_FIELD.search(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)))


def redact_value(value: Any, name: str = "") -> Any:
    """`value` of the field `name`, whatever its kind, without secrets. Yes, no and nothing stay: they tell none."""
    if value is None or isinstance(value, bool):
        return value
    if name and value not in ("", b"") and is_secret_key(name):
        return REMOVED
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, int | float):
        return value
    if isinstance(value, dict):
        return {key: redact_value(item, str(key)) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redact_value(item) for item in value]
    return redact_text(value.decode(errors="replace") if isinstance(value, bytes) else str(value))


def redact(_logger: Any, _method: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
    """The structlog processor: every field of a record without secrets."""
    return {name: redact_value(value, name) for name, value in event.items()}


def _process(_logger: Any, _method: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
    """Name the process, as `up` calls it."""
    name = os.environ.get("DURAR_PROCESS")
    if name:
        event["process"] = name
    return event


class AskedHowWeAre(logging.Filter):
    """Leaves out that `/readyz` answered 503: that is an answer, asked for every few seconds, and no failure."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is to be written."""
        return getattr(getattr(record, "request", None), "path", "") != "/readyz"


class SaidOnceAMinute(logging.Filter):
    """While its server is away the channel layer says so every second, each time with a traceback. This lets one line a
    minute through."""

    def __init__(self) -> None:
        super().__init__()
        self._said = -60.0

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is to be written; what it writes is made short."""
        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, OSError | TimeoutError | RedisError):
            return True
        if time.monotonic() - self._said < 60:
            return False
        self._said = time.monotonic()
        record.levelno, record.levelname = logging.WARNING, "WARNING"
        record.msg, record.args = "the broker does not answer, so open pages look by themselves: %s", (error,)
        record.exc_info = record.exc_text = None
        return True


def _clock(*, as_json: bool) -> structlog.processors.TimeStamper:
    """When it happened: exact and in UTC for a collector, the time of day for people."""
    return structlog.processors.TimeStamper(fmt="iso" if as_json else "%H:%M:%S", utc=as_json)


def formatter(*, as_json: bool) -> logging.Formatter:
    """The formatter of every handler: for a collector or for people."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        _clock(as_json=as_json),
    ]
    last: list[Any] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.StackInfoRenderer(),
        # Without local variables: they hold what the code was working with, tokens included.
        structlog.processors.format_exc_info,
    ]
    if as_json:
        last += [_process, redact, structlog.processors.JSONRenderer(ensure_ascii=False)]
    else:
        last += [
            redact,
            structlog.dev.ConsoleRenderer(
                colors=False, pad_event_to=0, pad_level=False, exception_formatter=structlog.dev.plain_traceback
            ),
        ]
    return structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=last)


def log_settings(*, as_json: bool, level: str) -> dict[str, Any]:
    """Django's LOGGING. `level` is for Durar's own records; libraries speak from WARNING on.

    Raises ImproperlyConfigured for a level that does not exist. Also sets structlog up, so that
    `structlog.get_logger(__name__)` goes the same way.
    """
    level = level.upper()
    if level not in LEVELS:
        raise ImproperlyConfigured(f"DURAR_LOG_LEVEL is {level!r}; it must be one of {', '.join(LEVELS)}.")
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.filter_by_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.add_log_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            _clock(as_json=as_json),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    passing = {"handlers": [], "propagate": True}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {
            "asked_how_we_are": {"()": "mattermost_bridge.logging.AskedHowWeAre"},
            "said_once_a_minute": {"()": "mattermost_bridge.logging.SaidOnceAMinute"},
        },
        "formatters": {"durar": {"()": "mattermost_bridge.logging.formatter", "as_json": as_json}},
        "handlers": {"out": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout", "formatter": "durar"}},
        "root": {"handlers": ["out"], "level": "WARNING"},
        "loggers": {
            "mattermost_bridge": {"level": level},
            "durar_site": {"level": level},
            # These come with handlers of their own, which would write past the redaction.
            **{
                name: passing | {"level": "WARNING"} for name in ("django", "django.server", "uvicorn", "uvicorn.error")
            },
            **{
                name: passing | {"level": "WARNING"} for name in ("celery", "celery.task", "celery.redirected", "kombu")
            },
            # A page that does not exist is no event; what failed inside is logged as an error.
            "django.request": {"level": "ERROR", "filters": ["asked_how_we_are"]},
            "channels_redis.pubsub": {"filters": ["said_once_a_minute"]},
        },
    }
