// The list of places: channels, bots and people.

import { avatar, byId, el, icon, reconcile } from "./dom.js";
import { directWith, state } from "./store.js";

/** Draw the list; `open(place)` is called with a channel name or `dm-<username>`. */
export function drawSidebar({ open }) {
  const rows = [];
  const heading = (key, text) => rows.push({ key, signature: text, make: () => el("h2", {}, text) });
  const channels = [...state.channels.values()].filter((channel) => channel.type !== "D");
  channels.sort((one, other) => one.display_name.localeCompare(other.display_name));
  heading("channels", "Channels");
  for (const channel of channels) {
    rows.push(
      item(`channel-${channel.name}`, channel.name, channel, {
        open,
        label: channel.display_name,
        picture: () => el("span", { class: "channel-icon" }, icon(channel.type === "P" ? "lock" : "hash")),
      }),
    );
  }
  heading("bots", "Bots");
  state.cast.bots.forEach((user) => rows.push(person(user, open)));
  heading("people", "Direct messages");
  state.cast.people.filter((user) => user.id !== state.me?.id).forEach((user) => rows.push(person(user, open)));
  reconcile(byId("sidebar"), state.me ? rows : []);
  drawMenuBadge();
}

function person(user, open) {
  const online = state.online.has(user.id);
  const place = `dm-${user.username}`;
  return item(place, place, state.me ? directWith(user) : null, {
    open,
    label: user.username,
    extra: online,
    picture: () => avatar(user, { dot: online }),
    about: user.is_bot ? (online ? "connected" : "not connected") : "",
  });
}

function item(testid, place, channel, { open, label, picture, about = "", extra = null }) {
  const unread = (channel && state.unread.get(channel.id)) || { count: 0, mentioned: false };
  const current = state.current === place;
  const spoken = unread.count ? `${label}, ${unread.count} unread` : label;
  return {
    key: testid,
    signature: JSON.stringify([label, unread, current, extra, about]),
    make: () =>
      el(
        "button",
        {
          type: "button",
          class: `place${current ? " current" : ""}${unread.count ? " unread" : ""}`,
          "aria-current": current ? "page" : null,
          "aria-label": about ? `${spoken}, ${about}` : spoken,
          onclick: () => open(place),
          data: { testid },
        },
        picture(),
        el("span", { class: "place-name" }, label),
        unread.count
          ? el("span", { class: unread.mentioned ? "badge strong" : "badge", data: { testid: "unread" } }, String(unread.count))
          : about && el("span", { class: "place-about" }, about),
      ),
  };
}

function drawMenuBadge() {
  const mentioned = [...state.unread.values()].filter((one) => one.count).length;
  const badge = byId("menu-badge");
  badge.hidden = mentioned === 0;
  badge.textContent = mentioned ? String(mentioned) : "";
}
