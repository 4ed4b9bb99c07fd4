"""What a sandbox contains when it starts: constants that a command may read before it starts one.

Ids and tokens are derived from names, so they are the same in every sandbox and survive restarts. They protect
nothing: whoever reaches the sandbox may be anybody in it.
"""

from dataclasses import dataclass, field

from mattermost_bridge.sandbox.ids import fixed_id

DEFAULT_PORT = 18790
TEAM_NAME = "sandbox"
TEAM_DISPLAY_NAME = "Sandbox"
TEAM_ID = fixed_id("team:sandbox")

#: Name and display name of the public channels that exist from the start.
CHANNELS = (
    ("town-square", "Town Square"),
    ("off-topic", "Off-Topic"),
    ("support", "Support"),
    ("incidents", "Incidents"),
)


def user_id_of(username: str) -> str:
    """Return the id of the user with that name, in any sandbox."""
    return fixed_id(f"user:{username}")


def channel_id_of(name: str) -> str:
    """Return the id of a channel of the start world by its name."""
    return fixed_id(f"channel:{name}")


def token_of(username: str) -> str:
    """Return the token with which a person of the sandbox calls the API."""
    return fixed_id(f"token:{username}")


@dataclass(frozen=True)
class SandboxBot:
    """A bot account that exists from the start; both are members of the team and of `support`."""

    username: str
    display_name: str
    token: str = field(repr=False)
    description: str

    @property
    def user_id(self) -> str:
        """Return the bot's user id."""
        return user_id_of(self.username)


@dataclass(frozen=True)
class SandboxPerson:
    """A person without a password: the chat page asks for the token by name."""

    username: str
    first_name: str
    last_name: str

    @property
    def user_id(self) -> str:
        """Return the person's user id."""
        return user_id_of(self.username)

    @property
    def token(self) -> str:
        """Return the person's token."""
        return token_of(self.username)


BOTS = (
    SandboxBot("durar", "Durar", "sandboxtokenofdurar0000001", "The bot that Durar answers for"),
    SandboxBot("helper", "Helper", "sandboxtokenofhelper000001", "A second bot, to try two accounts side by side"),
)
BOT_CHANNELS = ("support",)
PEOPLE = (
    SandboxPerson("alice", "Alice", "Archer"),
    SandboxPerson("bob", "Bob", "Baker"),
    SandboxPerson("carol", "Carol", "Cooper"),
    SandboxPerson("dave", "Dave", "Dyer"),
)
#: The system administrator, who created the bots; not offered on the chat page.
ADMIN = SandboxPerson("sysadmin", "System", "Administrator")
