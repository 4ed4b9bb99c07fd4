"""Django's database sessions in rows that name their user (settings: SESSION_ENGINE)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore

#: Where a session keeps since when, from where and with which browser somebody is signed in.
SIGNED_IN = "durar_signed_in"


class SessionStore(DatabaseStore):
    """Keeps sessions as `PanelSession` rows."""

    @classmethod
    def get_model_class(cls) -> Any:
        """The rows' model; read late, since settings name this module before models are loaded."""
        from mattermost_bridge.models import PanelSession

        return PanelSession

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        """A row of these data, with whose it is."""
        row: Any = super().create_model_instance(data)  # type: ignore[arg-type]
        row.user_id = int(data[SESSION_KEY]) if SESSION_KEY in data else None
        signed_in = data.get(SIGNED_IN, {})
        row.signed_in_at = datetime.fromisoformat(signed_in["at"]) if "at" in signed_in else None
        row.address, row.browser = signed_in.get("address", ""), signed_in.get("browser", "")
        return row
