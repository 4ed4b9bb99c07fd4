"""The world at the start: one team, four public channels, four people, an administrator and two bots."""

from mattermost_bridge.sandbox import world
from mattermost_bridge.sandbox.ids import new_id
from mattermost_bridge.sandbox.records import OPEN, Channel, Clock, User
from mattermost_bridge.sandbox.state import State, new_direct_channel


def seeded_state(clock: Clock) -> State:
    """Return a fresh world; its ids and tokens are the same every time."""
    state = State(clock)
    now = clock.ms()
    for name, display_name in world.CHANNELS:
        channel_id = world.channel_id_of(name)
        admin = world.ADMIN.user_id
        state.add_channel(Channel(channel_id, OPEN, name, display_name, world.TEAM_ID, admin, now, now))
    add_person(state, world.ADMIN, roles="system_user system_admin")
    for person in world.PEOPLE:
        add_person(state, person)
    for bot in world.BOTS:
        add_bot(state, bot.username, bot.display_name, bot.description, token=bot.token)
    return state


def add_person(state: State, person: world.SandboxPerson, *, roles: str = "system_user") -> User:
    """Add a person to the team and to all channels of the start world."""
    now = state.clock.ms()
    user = User(person.user_id, person.username, person.first_name, person.last_name, now, now, roles=roles)
    state.add_user(user, person.token)
    state.team_members[user.id] = now
    for name, _ in world.CHANNELS:
        state.channels_by_name[name].members[user.id] = now
    return user


def add_bot(state: State, username: str, display_name: str, description: str, *, token: str = "") -> User:
    """Add a bot to the team and to `support`, with the direct channel that Mattermost opens with its creator."""
    now = state.clock.ms()
    user = User(world.user_id_of(username), username, display_name, "", now, now)
    user.is_bot = True
    user.bot_description = description
    state.add_user(user, token or new_id())
    state.team_members[user.id] = now
    for name in world.BOT_CHANNELS:
        state.channels_by_name[name].members[user.id] = now
    new_direct_channel(state, world.ADMIN.user_id, user.id)
    return user
