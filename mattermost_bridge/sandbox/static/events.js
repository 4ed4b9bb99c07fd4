// What the server tells over the WebSocket, written into the store.

import {
  changed, currentChannel, dropPost, keepPost, keepReaction, shelfOf, state, typingKey, userById,
} from "./store.js";

const TYPING_LASTS = 5000;

/** Take in one event; `again.channels()` reads the list of channels anew. */
export function takeIn(name, data, broadcast, again) {
  const handler = HANDLERS[name];
  if (handler) handler(data, broadcast, again);
  changed();
}

const HANDLERS = {
  posted(data, broadcast, again) {
    const post = JSON.parse(data.post);
    const known = state.channels.get(post.channel_id);
    if (!known) again.channels();
    if (shelfOf(post.channel_id).loaded) keepPost(post);
    state.typing.delete(typingKey(post.channel_id, post.root_id, post.user_id));
    const looking = document.hasFocus() && currentChannel()?.id === post.channel_id;
    if (post.user_id === state.me.id || looking || post.type.startsWith("system_")) return;
    const unread = state.unread.get(post.channel_id) ?? { count: 0, mentioned: false };
    const mentioned = unread.mentioned || (data.mentions ?? "").includes(state.me.id);
    state.unread.set(post.channel_id, { count: unread.count + 1, mentioned });
  },
  post_edited(data) {
    const post = JSON.parse(data.post);
    if (shelfOf(post.channel_id).loaded) keepPost(post);
  },
  post_deleted(data) {
    dropPost(JSON.parse(data.post));
  },
  ephemeral_message(data) {
    keepPost(JSON.parse(data.post));
  },
  reaction_added(data) {
    keepReaction(JSON.parse(data.reaction), { removed: false });
  },
  reaction_removed(data) {
    keepReaction(JSON.parse(data.reaction), { removed: true });
  },
  typing(data, broadcast) {
    state.typing.set(typingKey(broadcast.channel_id, data.parent_id, data.user_id), Date.now());
    setTimeout(changed, TYPING_LASTS + 100);
  },
  direct_added: (data, broadcast, again) => again.channels(),
  channel_created: (data, broadcast, again) => again.channels(),
  channel_deleted: (data, broadcast, again) => again.channels(),
  user_added: membersChanged,
  user_removed: membersChanged,
};

function membersChanged(data, broadcast, again) {
  state.members.delete(data.channel_id || broadcast.channel_id);
  again.channels();
}

/** Say who is typing in a channel or thread, or "". */
export function whoTypes(channelId, rootId) {
  const names = [];
  for (const [key, since] of state.typing) {
    const [channel, root, user] = key.split("/");
    if (Date.now() - since > TYPING_LASTS) state.typing.delete(key);
    else if (channel === channelId && (rootId ? root === rootId : true)) names.push(userById(user).username);
  }
  const unique = [...new Set(names)];
  if (!unique.length) return "";
  return unique.length === 1 ? `${unique[0]} is typing…` : `${unique.join(", ")} are typing…`;
}
