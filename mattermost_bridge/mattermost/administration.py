"""What a server says about itself: which permissions roles have, and settings that only administrators may read."""

from collections.abc import Iterable
from typing import Any

from .answers import ReadingCalls
from .errors import MattermostError
from .shapes import mapping_of, texts_of


class AdministrationCalls(ReadingCalls):
    """Calls about the server's own set-up. None of them changes anything."""

    def permissions_of(self, roles: Iterable[str]) -> frozenset[str] | None:
        """Return all permissions that these roles give; None when the server does not say (403, 404, 501).

        Anybody who is signed in may ask (`POST roles/names`).
        """
        answer = self._if_shown("POST", "roles", "names", payload=sorted(set(roles)))
        if answer is None:
            return None
        return frozenset(name for role in self._list(answer) for name in texts_of(mapping_of(role).get("permissions")))

    def server_config(self) -> dict[str, Any] | None:
        """Return the server's configuration (`ServiceSettings` and others, secrets blanked by the server); None for
        everybody but system administrators."""
        answer = self._if_shown("GET", "config")
        return None if answer is None else self._object(answer)

    def _if_shown(self, method: Any, *segments: str, payload: Any = None) -> Any:
        try:
            return self._request(method, *segments, payload=payload)
        except MattermostError as error:
            if error.status in (403, 404, 501):
                return None
            raise
