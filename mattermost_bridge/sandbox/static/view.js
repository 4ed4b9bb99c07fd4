// Drawing the page from the store.

import { byId, el } from "./dom.js";
import { emptyPlace } from "./empty.js";
import { whoTypes } from "./events.js";
import { drawMessages } from "./messages.js";
import { drawSidebar } from "./sidebar.js";
import { currentChannel, shelfOf, state, userByName } from "./store.js";

const STATES = { none: "", connecting: "Connecting …", live: "Connected" };

/** Draw everything; `on` says what to do when something is pressed. */
export function draw(on) {
  const here = currentChannel();
  byId("welcome").hidden = Boolean(state.me);
  byId("conversation").hidden = !state.me;
  byId("frame").classList.toggle("with-thread", Boolean(state.threadRoot && here));
  byId("frame").classList.toggle("nobody", !state.me);
  byId("menu-button").hidden = !state.me;
  byId("connection").dataset.state = state.connection;
  byId("connection").textContent = STATES[state.connection];
  drawSidebar({ open: on.open });
  if (state.me) drawPlace(here, on);
}

function drawPlace(here, on) {
  const user = state.current.startsWith("dm-") ? userByName(state.current.slice(3)) : null;
  const members = (here && state.members.get(here.id)) ?? new Set();
  const title = user ? user.username : (here?.display_name ?? "");
  byId("channel-title").textContent = title;
  byId("channel-about").textContent = user ? about(user) : `Channel, ${members.size} members`;
  byId("members-button").hidden = Boolean(user) || !here;
  byId("members-label").textContent = "Invite a bot";
  document.title = `${title} · ${state.me.username} · Durar sandbox`;
  byId("composer").placeholder = user ? `Write to @${user.username}` : `Write to ${title}`;
  const shelf = here ? shelfOf(here.id) : { loaded: true, complete: true };
  drawMessages(byId("messages"), {
    channelId: here?.id ?? "",
    rootId: "",
    empty: emptyPlace(state.current, here, { loaded: shelf.loaded, invite: on.invite }),
    head: shelf.complete ? null : { key: "older", signature: String(shelf.pages), make: () => olderButton(here, on) },
    act: on,
  });
  byId("typing").textContent = here ? whoTypes(here.id, "") : "";
  drawThread(here, on);
}

function about(user) {
  if (!user.is_bot) return user.name;
  return state.online.has(user.id) ? "Bot, connected" : "Bot, not connected";
}

function olderButton(channel, on) {
  return el(
    "button",
    { type: "button", class: "button older", onclick: () => on.readOlder(channel), data: { testid: "load-older" } },
    "Earlier messages",
  );
}

function drawThread(here, on) {
  const open = Boolean(here && state.threadRoot);
  byId("thread").hidden = !open;
  if (!open) return;
  byId("thread-about").textContent = byId("channel-title").textContent;
  const nothing = { signature: "none", make: () => el("p", { class: "empty" }, "This thread was deleted. Close it to go on.") };
  drawMessages(byId("thread-messages"), { channelId: here.id, rootId: state.threadRoot, empty: nothing, head: null, act: on });
  byId("thread-typing").textContent = whoTypes(here.id, state.threadRoot);
}
