"""Who and what is on a server: people and channels, by the beginning of their names or page by page."""

from collections.abc import Iterable

from .answers import ReadingCalls
from .types import Channel, User

MAX_PAGE = 200
"""People or channels of a page at most; the server cuts a larger wish down without saying so."""

MAX_NAMES = 100
MAX_FOUND = 1000
"""People that one search may ask for; more is refused with 400."""


class DirectoryCalls(ReadingCalls):
    """The calls that find people and channels. Searches have no pages: type more to find fewer."""

    def search_users(self, term: str, *, team_id: str = "", limit: int = 100) -> list[User]:
        """Return people by name, those switched off left out: each word begins a username, a name or an e-mail address.

        Over all that the bot may see, or with `team_id` in that team (403 when it is none of the bot's). A server
        may hide full names and addresses; then only usernames and nicknames are searched. An empty term is 400.
        """
        payload: dict[str, str | int] = {"term": term, "limit": max(1, min(limit, MAX_FOUND))}
        if team_id:
            payload["team_id"] = team_id
        return self._many(User, self._request("POST", "users", "search", payload=payload))

    def users_by_usernames(self, names: Iterable[str]) -> list[User]:
        """Return the owners of these usernames (in any case); names that nobody has are absent from the answer."""
        wanted = list(dict.fromkeys(name.lower() for name in names))
        found: list[User] = []
        for start in range(0, len(wanted), MAX_NAMES):
            answer = self._request("POST", "users", "usernames", payload=wanted[start : start + MAX_NAMES])
            found += self._many(User, answer)
        return found

    def team_members(self, team_id: str, page: int) -> list[User]:
        """Return a page (from 0) of the people in a team who are not switched off, by username."""
        params: dict[str, str | int] = {"in_team": team_id, "active": "true", "page": page, "per_page": MAX_PAGE}
        return self._many(User, self._request("GET", "users", params=params))

    def search_channels(self, team_id: str, term: str) -> list[Channel]:
        """Return up to 100 public channels of a team by name, joined or not; 404 when the team is none of the bot's.

        `term` begins a name, or each of its words begins a word of a name or purpose.
        """
        answer = self._request("POST", "teams", team_id, "channels", "search", payload={"term": term})
        return self._many(Channel, answer)

    def public_channels(self, team_id: str, page: int) -> list[Channel]:
        """Return a page (from 0) of a team's public channels, joined or not; 403 for guests."""
        params: dict[str, str | int] = {"page": page, "per_page": MAX_PAGE}
        return self._many(Channel, self._request("GET", "teams", team_id, "channels", params=params))

    def channel_by_name(self, team_id: str, name: str) -> Channel:
        """Return a channel of a team by the name in its address (not its title); 404 when the bot sees none."""
        return self._one(Channel, self._request("GET", "teams", team_id, "channels", "name", name))
