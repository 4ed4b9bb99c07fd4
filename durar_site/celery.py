"""The Celery application. Tasks are hints: the database is the source of truth, so a lost task loses nothing."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "durar_site.settings")

app = Celery("durar")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["mattermost_bridge"])


@setup_logging.connect
def keep_our_logs(**_: Any) -> None:
    """Leave the logs as the settings have them: with a receiver of this signal Celery adds no handlers of its own,
    which would write past the redaction."""
