"""The deployment: settings, addresses, the web entry and the Celery application, each on one page."""

from durar_site.celery import app as celery_app

__all__ = ["celery_app"]
