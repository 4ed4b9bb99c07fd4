"""The web entry for uvicorn: `uvicorn durar_site.asgi:application`. Django's pages, the WebSocket of open pages,
and what Mattermost and other programs call."""

from __future__ import annotations

import os
import warnings

from django.core.asgi import get_asgi_application
from django.db import connections

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "durar_site.settings")

_pages = get_asgi_application()
# WhiteNoise hands out files as plain iterators. Django reads them in one go then, which for the panel's small files is
# what one wants, and says so at every one of them.
warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume synchronous iterators")

# These need Django to be set up.
from channels.routing import ProtocolTypeRouter  # noqa: E402

from mattermost_bridge.callbacks.buttons import ButtonClicks  # noqa: E402
from mattermost_bridge.callbacks.commands import SlashCommands  # noqa: E402
from mattermost_bridge.callbacks.guard import Guard  # noqa: E402
from mattermost_bridge.callbacks.send import SendByKey  # noqa: E402
from mattermost_bridge.live.routing import application as _websockets  # noqa: E402

_callbacks = Guard(_pages, [ButtonClicks(), SendByKey(), SlashCommands()])
application = ProtocolTypeRouter({"http": _callbacks, "websocket": _websockets})

# Here every request has a thread of its own that ends with it. A connection that is kept for later would never be used
# again, and would only be closed when the garbage collector finds it.
for _database in connections.settings.values():
    _database["CONN_MAX_AGE"] = 0
