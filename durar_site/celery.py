"""The Celery application. Tasks are hints: the database is the source of truth, so a lost task loses nothing."""

from __future__ import annotations

import os
import warnings
from typing import Any

from celery import Celery
from celery.exceptions import SecurityWarning
from celery.signals import setup_logging

from mattermost_bridge.listeners import worker_step

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "durar_site.settings")

# Celery warns of root because of pickled tasks; ours are JSON, and root is who runs in most containers.
warnings.filterwarnings("ignore", category=SecurityWarning)

app = Celery("durar")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["mattermost_bridge"])
worker_step.install(app)


@setup_logging.connect
def keep_our_logs(**_: Any) -> None:
    """Leave the logs as the settings have them: with a receiver of this signal Celery adds no handlers of its own,
    which would write past the redaction."""
