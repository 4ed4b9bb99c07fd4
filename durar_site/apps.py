"""Which site the panel's pages register at."""

from __future__ import annotations

from django.contrib.admin.apps import SimpleAdminConfig


class PanelConfig(SimpleAdminConfig):
    """Django's admin without autodiscovery: only the process that serves the panel loads it, workers stay small."""

    default_site = "durar_site.admin_site.PanelSite"
