"""The web entry for uvicorn: `uvicorn durar_site.asgi:application`."""

from __future__ import annotations

import os

from django.core.asgi import get_asgi_application
from django.db import connections

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "durar_site.settings")

application = get_asgi_application()

# Here every request has a thread of its own that ends with it. A connection that is kept for later would never be used
# again, and would only be closed when the garbage collector finds it.
for _database in connections.settings.values():
    _database["CONN_MAX_AGE"] = 0
