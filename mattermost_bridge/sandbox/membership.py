"""Making channels, and coming to and going from them, with the events and system posts that go with it."""

from typing import TYPE_CHECKING

from mattermost_bridge.sandbox import wire
from mattermost_bridge.sandbox.errors import ApiError, channel_missing, invalid_body, no_permission
from mattermost_bridge.sandbox.hub import Event
from mattermost_bridge.sandbox.ids import is_valid_id, new_id
from mattermost_bridge.sandbox.posting import system_post
from mattermost_bridge.sandbox.records import DIRECT, GROUP, OPEN, PRIVATE, Channel, User
from mattermost_bridge.sandbox.state import group_name, new_direct_channel, new_group_channel
from mattermost_bridge.sandbox.world import TEAM_ID, channel_id_of

if TYPE_CHECKING:
    from mattermost_bridge.sandbox.app import Sandbox


def open_direct(box: "Sandbox", caller: User, ids: list[str]) -> Channel:
    """Return the direct channel of two users, made now if need be (then both sides hear `direct_added`)."""
    if box.settings.modern and ids == [caller.id]:
        ids = [caller.id, caller.id]
    if len(ids) != 2:
        raise invalid_body("user_ids")
    if not all(is_valid_id(user_id) for user_id in ids):
        raise invalid_body("user_id")
    if caller.id not in ids:
        raise no_permission()
    if not all(user_id in box.state.users for user_id in ids):
        raise ApiError(400, "api.channel.create_direct_channel.invalid_user.app_error", "Invalid user ID.")
    first, second = ids
    if channel := box.state.direct_channel(first, second):
        return channel
    channel = new_direct_channel(box.state, first, second)
    box.hub.publish(Event("direct_added", {"creator_id": first, "teammate_id": second}, channel.id))
    return channel


SMALLEST_GROUP, LARGEST_GROUP = 3, 8


def open_group(box: "Sandbox", caller: User, ids: list[str]) -> Channel:
    """Return the group channel of some users and the caller, made now if need be (all then hear `group_added`)."""
    if not all(is_valid_id(user_id) for user_id in ids):
        raise invalid_body("user_id")
    members = {*ids, caller.id}
    if not SMALLEST_GROUP <= len(members) <= LARGEST_GROUP:
        raise ApiError(
            400, "api.channel.create_group.bad_size.app_error", "Group message must have between 3 and 8 members."
        )
    if not all(user_id in box.state.users for user_id in members):
        raise ApiError(400, "api.channel.create_group.bad_user.app_error", "One of the users does not exist.")
    if channel := box.state.channels_by_name.get(group_name(members)):
        return channel
    channel = new_group_channel(box.state, caller.id, members)
    data = {"teammate_ids": wire.dumps(list(channel.members))}
    for user_id in channel.members if box.settings.modern else [""]:  # newer servers tell each one by itself
        box.hub.publish(Event("group_added", data, channel.id, user_id=user_id))
    return channel


def create_channel(box: "Sandbox", creator: User, name: str, display_name: str, kind: str) -> Channel:
    """Make a public or private channel with its creator as the only member. Raises ApiError."""
    if kind not in (OPEN, PRIVATE):
        raise ApiError(400, "model.channel.is_valid.type.app_error", "Invalid type.")
    if not name or name in box.state.channels_by_name:
        raise ApiError(
            400, "store.sql_channel.save_channel.exists.app_error", "A channel with that name already exists."
        )
    now = box.state.clock.ms()
    # A name has one id for ever, so that what a test or an operator noted stays true after a reset.
    channel_id = channel_id_of(name) if channel_id_of(name) not in box.state.channels else new_id()
    channel = Channel(channel_id, kind, name, display_name or name, TEAM_ID, creator.id, now, now)
    channel.members[creator.id] = now
    box.state.add_channel(channel)
    box.hub.publish(Event("channel_created", {"channel_id": channel.id, "team_id": TEAM_ID}, user_id=creator.id))
    return channel


def add_member(box: "Sandbox", actor: User, channel: Channel, user: User) -> None:
    """Add a user; joining a public channel by oneself is free, adding others needs membership. Raises ApiError."""
    state = box.state
    joining = actor.id == user.id
    if channel.type in (DIRECT, GROUP):
        raise ApiError(400, "api.channel.add_user_to_channel.type.app_error", "Can not add user to this channel type.")
    may = channel.type == OPEN if joining else actor.id in channel.members
    if not (may or actor.is_admin or user.id in channel.members):
        raise no_permission()
    if user.id not in state.team_members:
        raise ApiError(
            400, "api.channel.add_user.to.channel.failed.deleted.app_error", "The user is not a member of the team."
        )
    if user.id in channel.members:
        return
    channel.members[user.id] = state.clock.ms()
    state.on_change()
    data = {"team_id": channel.team_id, "user_id": user.id}
    if box.settings.modern:  # the user's own event is apart from the others'
        box.hub.publish(Event("user_added", data, channel.id, omit_user=user.id))
        box.hub.publish(Event("user_added", data, channel.id, user_id=user.id))
    else:
        box.hub.publish(Event("user_added", data, channel.id))
    if joining:
        system_post(box, actor, channel, "system_join_channel", f"{user.username} joined the channel.")
        return
    about = (("userId", actor.id), ("addedUserId", user.id), ("addedUsername", user.username))
    text = f"{user.username} added to the channel by {actor.username}."
    system_post(box, actor, channel, "system_add_to_channel", text, about=about, added=user.id)


def remove_member(box: "Sandbox", actor: User, channel: Channel, user: User) -> None:
    """Take a user out of a channel; the user hears of it once, the others too, in a form of their own."""
    if channel.type in (DIRECT, GROUP):
        raise ApiError(400, "api.channel.remove_channel_member.type.app_error", "Can not remove from this channel.")
    if actor.id not in channel.members and not actor.is_admin:
        raise no_permission()
    if user.id not in channel.members:
        raise ApiError(404, "app.channel.get_member.missing.app_error", "No channel member found.")
    if channel.name == "town-square":
        raise ApiError(400, "api.channel.remove.default.app_error", "Can not remove user from the default channel.")
    del channel.members[user.id]
    box.state.on_change()
    box.hub.publish(Event("user_removed", {"remover_id": actor.id, "user_id": user.id}, channel.id))
    box.hub.publish(Event("user_removed", {"channel_id": channel.id, "remover_id": actor.id}, user_id=user.id))
    if actor.id == user.id:
        system_post(box, actor, channel, "system_leave_channel", f"{user.username} left the channel.")
    else:
        about = (("removedUserId", user.id), ("removedUsername", user.username))
        text = f"{user.username} was removed from the channel."
        system_post(box, actor, channel, "system_remove_from_channel", text, about=about)


def archive(box: "Sandbox", actor: User, channel: Channel) -> None:
    """Archive a channel: it stays readable, refuses posts and leaves the lists."""
    if channel.type in (DIRECT, GROUP) or channel.delete_at:
        raise channel_missing()
    system_post(box, actor, channel, "system_channel_deleted", f"{actor.username} archived the channel.")
    channel.delete_at = channel.update_at = box.state.clock.ms()
    box.state.on_change()
    data = {"channel_id": channel.id, "delete_at": channel.delete_at}
    hidden = channel.type == PRIVATE and box.settings.modern  # since 9.10 the team does not hear of these
    scope = Event("channel_deleted", data, channel.id) if hidden else Event("channel_deleted", data, team_id=TEAM_ID)
    box.hub.publish(scope)
