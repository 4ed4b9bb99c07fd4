// What the page knows: who is who, channels, posts, and what is open. Changes are told to whoever subscribed.

export const state = {
  me: null, // {id, username, name}
  cast: { people: [], bots: [], team: { id: "" } },
  users: new Map(), // id -> user
  channels: new Map(), // id -> channel
  posts: new Map(), // channel id -> {byId: Map, complete, loaded, pages}
  current: "", // the open place: a channel name, or dm-<username>
  threadRoot: "",
  unread: new Map(), // channel id -> {count, mentioned}
  typing: new Map(), // "channel/root/user" -> time
  online: new Set(),
  members: new Map(), // channel id -> Set of user ids
  connection: "none",
  editing: null, // {postId, inThread}
};

let listener = () => {};
let waiting = false;

/** Call `draw` soon after any number of changes. */
export function subscribe(draw) {
  listener = draw;
}

export function changed() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    listener();
  });
}

export function forgetPerson() {
  for (const map of [state.channels, state.posts, state.unread, state.typing, state.members]) map.clear();
  state.online.clear();
  state.threadRoot = "";
  state.editing = null;
}

export const userById = (id) => state.users.get(id) ?? { id, username: "somebody", name: "Somebody", is_bot: false };
export const userByName = (name) => [...state.users.values()].find((user) => user.username === name);

/** The direct channel with a user, if it exists already. */
export function directWith(user) {
  const name = [state.me.id, user.id].sort().join("__");
  return [...state.channels.values()].find((channel) => channel.name === name);
}

/** The other side of a direct channel. */
export function otherSide(channel) {
  const ids = channel.name.split("__");
  return userById(ids[0] === state.me.id ? ids[1] : ids[0]);
}

/** The open channel, or null while a direct one is still to be made. */
export function currentChannel() {
  if (!state.me) return null;
  if (state.current.startsWith("dm-")) {
    const user = userByName(state.current.slice(3));
    return (user && directWith(user)) ?? null;
  }
  return [...state.channels.values()].find((channel) => channel.name === state.current) ?? null;
}

/** The name under which a channel stands in the address and in test ids. */
export const placeOf = (channel) => (channel.type === "D" ? `dm-${otherSide(channel).username}` : channel.name);

function shelf(channelId) {
  if (!state.posts.has(channelId)) state.posts.set(channelId, { byId: new Map(), complete: false, loaded: false, pages: 0 });
  return state.posts.get(channelId);
}

export const shelfOf = shelf;

export function keepPost(post) {
  const { byId } = shelf(post.channel_id);
  const known = byId.get(post.id);
  if (known && known.update_at > post.update_at) return;
  // Edits and pins come without the reactions that are known already.
  byId.set(post.id, { ...post, reactions: post.metadata?.reactions ?? known?.reactions ?? [] });
}

export function dropPost(post) {
  const { byId } = shelf(post.channel_id);
  byId.delete(post.id);
  for (const other of [...byId.values()]) if (other.root_id === post.id) byId.delete(other.id);
  if (state.threadRoot === post.id) state.threadRoot = "";
}

export function keepReaction(reaction, { removed }) {
  for (const { byId } of state.posts.values()) {
    const post = byId.get(reaction.post_id);
    if (!post) continue;
    const others = post.reactions.filter(
      (one) => one.user_id !== reaction.user_id || one.emoji_name !== reaction.emoji_name,
    );
    byId.set(post.id, { ...post, reactions: removed ? others : [...others, reaction] });
  }
}

/** The posts of a channel, oldest first; with a root only its thread. */
export function postsIn(channelId, rootId = "") {
  const all = [...(state.posts.get(channelId)?.byId.values() ?? [])];
  const wanted = rootId ? all.filter((post) => post.id === rootId || post.root_id === rootId) : all;
  return wanted.sort((one, other) => one.create_at - other.create_at || (one.id === other.root_id ? -1 : 0));
}

export const typingKey = (channelId, rootId, userId) => `${channelId}/${rootId}/${userId}`;
