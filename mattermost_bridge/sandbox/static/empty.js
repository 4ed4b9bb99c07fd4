// What stands where there is nothing yet: always what one can do next.

import { avatar, el } from "./dom.js";
import { state, userByName } from "./store.js";

function card(title, text, ...more) {
  return el("div", { class: "empty", data: { testid: "empty" } }, el("h2", {}, title), el("p", {}, text), ...more);
}

/** The empty state of a place. `invite(user)` brings a bot into the channel. */
export function emptyPlace(place, channel, { loaded, invite }) {
  const user = place.startsWith("dm-") ? userByName(place.slice(3)) : null;
  const online = Boolean(user && state.online.has(user.id));
  const inside = channel && state.members.get(channel.id);
  const bots = state.cast.bots.filter((bot) => inside?.has(bot.id));
  const signature = JSON.stringify([place, loaded, online, bots.length, Boolean(inside)]);
  return { signature, make: () => draw() };

  function draw() {
    if (channel && !loaded) return card("", "Reading messages …");
    if (user?.is_bot) {
      const about = online
        ? `Write to @${user.username} to get a pairing code.`
        : `Write to @${user.username} to get a pairing code. It is not connected now; it answers once Durar runs with its account.`;
      return card(`You and @${user.username}`, about, el("div", { class: "empty-face" }, avatar(user)));
    }
    if (user) {
      return card(
        `You and @${user.username}`,
        `Write to @${user.username}, then open this page in another tab and be ${user.username} to answer.`,
      );
    }
    if (inside && !bots.length) {
      const bot = state.cast.bots[0];
      return card(
        "No bot hears this channel",
        `Invite @${bot.username}, then mention it in a message to talk to it here.`,
        el(
          "button",
          { type: "button", class: "button primary", onclick: () => invite(bot), data: { testid: "empty-invite" } },
          `Invite @${bot.username}`,
        ),
      );
    }
    const name = bots[0]?.username ?? "durar";
    return card("Nothing here yet", `Mention @${name} in a message to talk to it, or write to the people here.`);
  }
}

/** The page before anybody was chosen. */
export function welcome(choose) {
  return [
    el("h1", {}, "Who do you want to be?"),
    el("p", {}, "Choose a person and write to a bot. Open a second tab to be somebody else at the same time."),
    el(
      "div",
      { class: "faces" },
      state.cast.people.slice(0, 12).map((user) =>
        el(
          "button",
          { type: "button", class: "face", onclick: () => choose(user.username), data: { testid: `person-${user.username}` } },
          avatar(user),
          el("strong", {}, user.username),
          el("span", {}, user.name),
        ),
      ),
    ),
  ];
}
