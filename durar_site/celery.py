"""The Celery application. Tasks are hints: the database is the source of truth, so a lost task loses nothing."""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "durar_site.settings")

app = Celery("durar")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["mattermost_bridge"])
