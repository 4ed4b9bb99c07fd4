// The chat page: chooses the person, opens places, and draws everything again when the store changes.

import { Api, cast, login } from "./api.js";
import { Composer } from "./composer.js";
import { openMembers, openTrouble } from "./dialogs.js";
import { byId, el, toast } from "./dom.js";
import { welcome } from "./empty.js";
import { takeIn } from "./events.js";
import { walkWithArrows } from "./messages.js";
import { Live } from "./socket.js";
import {
  changed, currentChannel, forgetPerson, keepPost, postsIn, shelfOf, state, subscribe, userById, userByName,
} from "./store.js";
import { draw } from "./view.js";

const PAGE = 60;
let api = null;
let live = null;
let connectionChanges = 0;

async function guarded(work) {
  try {
    return await work();
  } catch (error) {
    toast(error.message, { bad: true });
    throw error;
  }
}

const quietly = (work) => guarded(work).catch(() => undefined);

// Being somebody

async function become(username, place = state.current || "dm-durar") {
  const { token, user } = await guarded(() => login(username));
  live?.stop();
  forgetPerson();
  state.me = { ...userById(user.id), id: user.id, username };
  api = new Api(token);
  byId("person-select").value = username;
  state.current = place;
  live = new Live(token, {
    event: (name, data, broadcast) => takeIn(name, data, broadcast, { channels: () => quietly(readChannels) }),
    state: async (connection) => {
      const change = ++connectionChanges;
      // Connected is said once what was missed is there: whoever clicks before would see it vanish again.
      if (connection === "live") await quietly(readEverything);
      if (change !== connectionChanges) return;
      state.connection = connection;
      changed();
    },
    statuses: (map) => {
      state.online = new Set(Object.keys(map).filter((id) => map[id] === "online"));
      changed();
    },
  });
  await quietly(readChannels);
  await open(place);
}

async function readEverything() {
  const loaded = [...state.posts.keys()];
  state.posts.clear(); // what happened while the connection was away
  state.members.clear();
  Object.assign(state.cast, await cast());
  await readChannels();
  const here = currentChannel();
  if (here) await readPosts(here);
  if (loaded.length) changed();
}

async function readChannels() {
  const list = await api.get(`/users/me/teams/${state.cast.team.id}/channels`);
  state.channels = new Map(list.map((channel) => [channel.id, channel]));
  const here = currentChannel();
  if (!here && state.current && !state.current.startsWith("dm-")) state.current = list.length ? "dm-durar" : "";
  if (here) await readMembers(here);
  changed();
}

// Places

async function open(place) {
  const known = place.startsWith("dm-") ? userByName(place.slice(3)) : true;
  state.current = known && place !== `dm-${state.me.username}` ? place : "dm-durar";
  state.threadRoot = "";
  stopEditing();
  const hash = `#${state.me.username}/${state.current}`;
  if (location.hash !== hash) history.replaceState(null, "", hash);
  showSidebar(false);
  const channel = currentChannel();
  if (channel) state.unread.delete(channel.id);
  changed();
  if (channel) await quietly(() => Promise.all([readMembers(channel), readPosts(channel)]));
  main.focus();
}

async function readPosts(channel) {
  const shelf = shelfOf(channel.id);
  if (shelf.loaded) return;
  // Two who ask at once share one answer: counted twice, the page would go on two pages further.
  shelf.reading ??= api
    .get(`/channels/${channel.id}/posts?per_page=${PAGE}`)
    .then((page) => {
      shelf.loaded = true;
      take(shelf, page);
    })
    .finally(() => {
      shelf.reading = null;
    });
  await shelf.reading;
}

function take(shelf, page) {
  [...page.order].reverse().forEach((id) => keepPost(page.posts[id]));
  shelf.pages += 1;
  shelf.complete = page.order.length < PAGE;
  changed();
}

async function readOlder(channel) {
  const shelf = shelfOf(channel.id);
  // By page, not by `before`: that leaves out other posts of the same millisecond.
  take(shelf, await api.get(`/channels/${channel.id}/posts?per_page=${PAGE}&page=${shelf.pages}`));
}

async function readMembers(channel) {
  if (channel.type === "D" || state.members.has(channel.id)) return;
  const list = await api.get(`/channels/${channel.id}/members`);
  state.members.set(channel.id, new Set(list.map((one) => one.user_id)));
  changed();
}

/** The open channel; a direct one is made with its first message. */
async function placeToWrite() {
  const known = currentChannel();
  if (known) return known;
  const user = userByName(state.current.slice(3));
  const channel = await api.post("/channels/direct", [state.me.id, user.id]);
  state.channels.set(channel.id, channel);
  shelfOf(channel.id).loaded = true;
  shelfOf(channel.id).complete = true;
  return channel;
}

// Writing

const send = (rootOf) => (text, files) =>
  guarded(async () => {
    if (state.editing && state.editing.inThread === Boolean(rootOf())) {
      const { postId } = state.editing;
      keepPost(await api.put(`/posts/${postId}/patch`, { message: text }));
      stopEditing();
      return;
    }
    const channel = await placeToWrite();
    if (text.startsWith("/") && !files.length) return runCommand(channel, text, rootOf());
    const body = { channel_id: channel.id, message: text, root_id: rootOf(), pending_post_id: crypto.randomUUID?.() ?? `${state.me.id}:${Date.now()}` };
    if (files.length) body.file_ids = (await api.upload(channel.id, files)).map((file) => file.id);
    keepPost(await api.post("/posts", body));
    changed();
  });

/** A slash command: what it shows comes by the socket. */
const runCommand = (channel, text, rootId) =>
  api.post("/commands/execute", { command: text, channel_id: channel.id, team_id: state.cast.team.id, root_id: rootId });

function stopEditing() {
  if (!state.editing) return;
  (state.editing.inThread ? thread : main).edit(null);
  state.editing = null;
  changed();
}

function edit(post, inThread) {
  stopEditing();
  state.editing = { postId: post.id, inThread };
  (inThread ? thread : main).edit(post.message);
  changed();
}

function editLast(inThread) {
  const channel = currentChannel();
  const own = channel && postsIn(channel.id, inThread ? state.threadRoot : "").filter(
    (post) => post.user_id === state.me.id && !post.type,
  );
  if (own?.length) edit(own.at(-1), inThread);
}

function composer(formId, options, rootOf, inThread) {
  return new Composer(byId(formId), {
    ...options,
    on: {
      send: send(rootOf),
      typing: () => currentChannel() && live.typing(currentChannel().id, rootOf()),
      cancelEdit: stopEditing,
      editLast: () => editLast(inThread),
    },
  });
}

const main = composer("composer-form", { id: "composer", testid: "composer", label: "Message" }, () => "", false);
const thread = composer(
  "thread-form",
  { id: "thread-composer", testid: "thread-composer", label: "Reply in the thread" },
  () => state.threadRoot,
  true,
);
byId("thread-composer").placeholder = "Reply in this thread";

const on = {
  open,
  invite: (bot) => quietly(() => changeMember(bot, false)),
  readOlder: (channel) => quietly(() => readOlder(channel)),
  react: (post, name, mine) =>
    quietly(() =>
      mine
        ? api.remove(`/users/me/posts/${post.id}/reactions/${name}`)
        : api.post("/reactions", { user_id: state.me.id, post_id: post.id, emoji_name: name }),
    ),
  file: (fileId) => api.file(fileId),
  click: (post, actionId) => quietly(() => api.post(`/posts/${post.id}/actions/${encodeURIComponent(actionId)}`)),
  openThread: (post) =>
    quietly(async () => {
      state.threadRoot = post.root_id || post.id;
      changed();
      const { posts } = await api.get(`/posts/${state.threadRoot}/thread`);
      Object.values(posts).forEach(keepPost);
      changed();
      thread.focus();
    }),
  edit,
};

async function changeMember(user, inside) {
  const channel = currentChannel();
  await quietly(() =>
    inside
      ? api.remove(`/channels/${channel.id}/members/${user.id}`)
      : api.post(`/channels/${channel.id}/members`, { user_id: user.id }),
  );
  state.members.delete(channel.id);
  await quietly(() => readMembers(channel));
  return state.members.get(channel.id) ?? new Set();
}

// Moving about

function closeThread() {
  if (state.editing?.inThread) stopEditing();
  state.threadRoot = "";
  changed();
  main.focus();
}

function showSidebar(shown) {
  byId("frame").classList.toggle("menu-open", shown);
  byId("menu-button").setAttribute("aria-expanded", String(shown));
}

// Starting

function fromAddress() {
  const [username, place] = decodeURIComponent(location.hash.slice(1)).split("/");
  return { username, place: place || "dm-durar" };
}

async function start() {
  subscribe(() => draw(on));
  const known = await guarded(cast);
  state.cast = known;
  state.users = new Map([...known.people, ...known.bots].map((user) => [user.id, user]));
  const select = byId("person-select");
  select.append(
    el("option", { value: "", disabled: true, selected: true }, "nobody yet"),
    ...known.people.map((user) => el("option", { value: user.username }, user.username)),
  );
  select.addEventListener("change", () => become(select.value));
  byId("welcome").append(...welcome((username) => become(username)));
  byId("menu-button").addEventListener("click", () => showSidebar(!byId("frame").classList.contains("menu-open")));
  byId("scrim").addEventListener("click", () => showSidebar(false));
  byId("thread-close").addEventListener("click", closeThread);
  byId("trouble-button").addEventListener("click", () => openTrouble());
  byId("members-button").addEventListener("click", () => {
    const channel = currentChannel();
    openMembers(channel, state.members.get(channel.id) ?? new Set(), changeMember);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || document.querySelector("dialog[open]")) return;
    if (byId("frame").classList.contains("menu-open")) showSidebar(false);
    else if (state.threadRoot) closeThread();
  });
  window.addEventListener("focus", () => {
    const here = currentChannel();
    if (here && state.unread.delete(here.id)) changed();
  });
  window.addEventListener("hashchange", () => {
    const { username, place } = fromAddress();
    if (username && username !== state.me?.username) become(username, place);
    else if (state.me && place !== state.current) open(place);
  });
  walkWithArrows(byId("messages"));
  walkWithArrows(byId("thread-messages"));
  changed();
  const { username, place } = fromAddress();
  if (known.people.some((user) => user.username === username)) await become(username, place);
}

start();
