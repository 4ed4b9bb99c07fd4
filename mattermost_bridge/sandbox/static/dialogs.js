// The two dialogs: who is in a channel, and trouble on demand.

import { control } from "./api.js";
import { avatar, byId, el, icon, toast } from "./dom.js";
import { state } from "./store.js";

function frame(dialog, id, title, ...content) {
  const close = el(
    "button",
    { type: "button", class: "icon-button", "aria-label": "Close", onclick: () => dialog.close(), data: { testid: `${dialog.id}-close` } },
    icon("close"),
  );
  dialog.replaceChildren(el("header", { class: "dialog-head" }, el("h2", { id }, title), close), ...content);
  dialog.onclick = (event) => event.target === dialog && dialog.close();
  if (!dialog.open) dialog.showModal();
}

/** Show who is in a channel; `change(user, isMember)` adds or removes and resolves when done. */
export function openMembers(channel, members, change) {
  const dialog = byId("members-dialog");
  const everybody = [...state.cast.bots, ...state.cast.people];
  const rows = everybody.map((user) => {
    const inside = members.has(user.id);
    const self = user.id === state.me.id;
    const button = el(
      "button",
      {
        type: "button",
        class: inside ? "button" : "button primary",
        onclick: async () => {
          button.disabled = true;
          openMembers(channel, await change(user, inside), change);
        },
        data: { testid: `${inside ? "remove" : "invite"}-${user.username}` },
        "aria-label": `${inside ? "Remove" : "Invite"} ${user.username}`,
      },
      inside ? "Remove" : "Invite",
    );
    return el(
      "li",
      {},
      avatar(user),
      el("span", { class: "member-name" }, user.username, user.is_bot ? el("span", { class: "tag" }, "bot") : null),
      self ? el("span", { class: "place-about" }, "you") : button,
    );
  });
  frame(
    dialog,
    "members-title",
    `Who is in ${channel.display_name}`,
    el("p", { class: "dialog-about" }, "A bot hears only what is written in channels that it is in, and direct messages to it."),
    el("ul", { class: "member-list" }, rows),
  );
}

const posts = "^/posts$";
const troubles = (bot) => [
  ["For sockets", [
    ["drop-all", "Drop every connection", "As when a server or a proxy restarts.", "POST", "sockets/drop", {}],
    ["drop-bot", `Drop ${bot}'s connection`, "It comes back by itself and reads what it missed.", "POST", "sockets/drop", { who: bot }],
    ["deafen", `Make ${bot} deaf`, "Its connection stays open and silent.", "POST", "sockets/deafen", { who: bot }],
    ["undeafen", `Let ${bot} hear again`, "", "POST", "sockets/undeafen", { who: bot }],
  ]],
  ["For requests", [
    ["503", `503 for ${bot}'s next 3 requests`, "", "POST", "faults", { kind: "answer", who: bot, status: 503, times: 3 }],
    ["429", `429 for ${bot}'s next 3 posts`, "Retry-After: 2.", "POST", "faults",
      { kind: "answer", who: bot, method: "POST", path: posts, status: 429, headers: { "Retry-After": "2" }, times: 3 }],
    ["lose", `Lose the answer to ${bot}'s next post`, "The post is made, the connection breaks.", "POST", "faults",
      { kind: "lose", who: bot, method: "POST", path: posts }],
    ["late", `Answer ${bot}'s next 3 posts 5 s late`, "", "POST", "faults",
      { kind: "delay", who: bot, method: "POST", path: posts, seconds: 5, stage: "after", times: 3 }],
    ["clear", "End the trouble for requests", "", "DELETE", "faults", undefined],
  ]],
  ["For the account", [
    ["revoke", `Revoke ${bot}'s token`, "", "POST", "tokens/revoke", { who: bot }],
    ["restore", `Restore ${bot}'s token`, "", "POST", "tokens/restore", { who: bot }],
    ["team-admin", `Make ${bot} a team administrator`, "Only then it may register slash commands.", "POST", "users/commands", { who: bot, how: "team_admin" }],
    ["plain", `Make ${bot} a plain member again`, "", "POST", "users/commands", { who: bot, how: "" }],
    ["disable", `Disable ${bot}`, "Also silences its open connection for good.", "POST", "users/disable", { who: bot }],
    ["enable", `Enable ${bot}`, "", "POST", "users/enable", { who: bot }],
  ]],
  ["For the server", [
    ["gone", "Leave for 10 seconds", "Nobody can connect; everything is kept.", "POST", "gone", { seconds: 10 }],
    ["reset", "Start over", "Deletes all posts and ends all trouble.", "POST", "reset", {}],
  ]],
];

/** Show the trouble one may ask for. */
export function openTrouble(bot = state.cast.bots[0]?.username) {
  const dialog = byId("trouble-dialog");
  const choose = el(
    "select",
    { id: "trouble-bot", onchange: (event) => openTrouble(event.target.value), data: { testid: "trouble-bot" } },
    state.cast.bots.map((user) => el("option", { value: user.username, selected: user.username === bot }, user.username)),
  );
  const groups = troubles(bot).map(([title, items]) =>
    el("section", {}, el("h3", {}, title), el("div", { class: "trouble-grid" }, items.map((item) => trouble(...item)))),
  );
  frame(
    dialog,
    "trouble-title",
    "Trouble",
    el("p", { class: "dialog-about" }, "Break something on purpose and watch what Durar does about it."),
    el("label", { class: "trouble-bot" }, "Bot", choose),
    ...groups,
  );
}

function trouble(name, label, about, method, path, body) {
  return el(
    "button",
    {
      type: "button",
      class: "trouble",
      onclick: async () => {
        try {
          await control(method, path, body);
          toast(`${label}: done.`);
        } catch (error) {
          toast(error.message, { bad: true });
        }
      },
      data: { testid: `trouble-${name}` },
    },
    el("span", {}, label),
    about ? el("small", {}, about) : null,
  );
}
