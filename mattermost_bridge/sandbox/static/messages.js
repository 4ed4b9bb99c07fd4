// Message rows: who, when, the text, reactions, and what one may do with a message.

import { avatar, el, icon, reconcile } from "./dom.js";
import { postsIn, state, userById } from "./store.js";
import { files } from "./files.js";
import { richText } from "./text.js";

const CLOSE = 5 * 60 * 1000;
export const QUICK = [
  ["thumbsup", "thumbsup", "Thumbs up"],
  ["heart", "heart", "Heart"],
  ["white_check_mark", "check", "Done"],
  ["eyes", "eye", "Looking"],
];
const ICONS = new Map([...QUICK.map(([name, picture]) => [name, picture]), ["+1", "thumbsup"]]);

const SYSTEM = { username: "System", name: "System", is_bot: false };

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat(undefined, { weekday: "long", month: "long", day: "numeric" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

/** Draw a channel or a thread into `list`, keeping the place where the reader is. */
export function drawMessages(list, { channelId, rootId, empty, head, act }) {
  const posts = channelId ? postsIn(channelId, rootId) : [];
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 80 || list.dataset.place !== channelId + rootId;
  const fromEnd = list.scrollHeight - list.scrollTop;
  const firstKey = list.querySelector("[data-post-id]")?.dataset.postId;
  const rows = [];
  if (!posts.length) rows.push({ key: "empty", signature: empty.signature, make: empty.make });
  else if (head) rows.push(head);
  let before = null;
  for (const post of posts) {
    const date = day.format(post.create_at);
    if (!before || day.format(before.create_at) !== date) {
      rows.push({ key: `day-${date}`, signature: date, make: () => dayRow(date) });
      before = null;
    }
    rows.push(row(post, before, { rootId, act }));
    before = post;
  }
  reconcile(list, rows);
  const prepended = firstKey && list.querySelector("[data-post-id]")?.dataset.postId !== firstKey;
  if (atEnd) list.scrollTop = list.scrollHeight;
  else if (prepended) list.scrollTop = list.scrollHeight - fromEnd;
  list.dataset.place = channelId + rootId;
}

function dayRow(date) {
  return el("p", { class: "day" }, el("span", {}, date));
}

function row(post, before, { rootId, act }) {
  const root = post.root_id && !rootId ? (state.posts.get(post.channel_id).byId.get(post.root_id) ?? null) : null;
  const replies = !post.root_id && !rootId ? postsIn(post.channel_id, post.id).length - 1 : 0;
  const follows =
    before !== null &&
    before.user_id === post.user_id &&
    before.root_id === post.root_id &&
    before.type === post.type &&
    post.create_at - before.create_at < CLOSE;
  const open = !rootId && state.threadRoot === (post.root_id || post.id) && Boolean(state.threadRoot);
  const edited = state.editing?.postId === post.id;
  const signature = JSON.stringify([
    post.update_at, post.message, post.reactions, follows, replies, root?.message, open, edited, state.me.id,
  ]);
  return { key: post.id, signature, make: () => draw(post, { root, replies, follows, open, edited, rootId, act }) };
}

function draw(post, { root, replies, follows, open, edited, rootId, act }) {
  const system = post.type.startsWith("system_") && post.type !== "system_ephemeral";
  const note = post.type === "system_ephemeral";
  const user = note ? SYSTEM : userById(post.user_id);
  const classes = ["message", follows && "follows", system && "system", open && "in-thread", edited && "being-edited"];
  return el(
    "article",
    {
      class: [...classes, note && "note"].filter(Boolean).join(" "),
      tabindex: "-1",
      "aria-label": `${user.username}, ${clock.format(post.create_at)}`,
      data: {
        testid: rootId ? "thread-message" : "message",
        postId: post.id,
        username: user.username,
        type: post.type,
      },
    },
    follows || system ? el("span", { class: "gutter" }, time(post)) : avatar(user),
    el(
      "div",
      { class: "body" },
      follows || system ? null : byline(post, user),
      note ? el("p", { class: "only-you" }, icon("eye"), "Only you can see this") : null,
      post.root_id && !rootId ? quote(post, root, act) : null,
      text(post, act),
      files(post, act),
      reactions(post, act),
      replies > 0
        ? el(
            "button",
            { type: "button", class: "replies", onclick: () => act.openThread(post), data: { testid: "open-thread" } },
            icon("reply"),
            replies === 1 ? "1 reply" : `${replies} replies`,
          )
        : null,
    ),
    system || note ? null : tools(post, { rootId, act }),
  );
}

function time(post) {
  const moment = new Date(post.create_at);
  return el("time", { datetime: moment.toISOString(), title: full.format(moment) }, clock.format(moment));
}

function byline(post, user) {
  return el(
    "p",
    { class: "byline" },
    el("strong", { data: { testid: "message-author" } }, user.username),
    user.is_bot ? el("span", { class: "tag" }, "bot") : null,
    time(post),
  );
}

function quote(post, root, act) {
  const said = root ? `${userById(root.user_id).username}: ${root.message || "(no text)"}` : "an earlier message";
  return el(
    "button",
    { type: "button", class: "quote", onclick: () => act.openThread(root ?? post), title: "Open the thread" },
    icon("reply"),
    el("span", {}, `Replied to ${said.replace(/\s+/g, " ").slice(0, 140)}`),
  );
}

function text(post, act) {
  const names = new Set([...state.users.values()].map((user) => user.username));
  const nodes = richText(post.message, { names, me: state.me.username });
  const attached = (post.props?.attachments ?? []).map((one) =>
    el(
      "div",
      { class: "attachment" },
      richText(String(one.text ?? one.fallback ?? ""), { names, me: state.me.username }),
      buttons(post, one.actions, act),
    ),
  );
  const mark = post.edit_at > 0 ? el("span", { class: "edited", data: { testid: "edited" } }, "(edited)") : null;
  const last = nodes.at(-1);
  if (mark && last?.tagName === "P") last.append(" ", mark);
  const body = nodes.length ? nodes : attached.length || post.metadata?.files?.length ? [] : [el("p", { class: "blank" }, "(empty message)")];
  return el(
    "div",
    { class: "text", data: { testid: "message-text" } },
    body,
    mark && last?.tagName !== "P" ? mark : null,
    attached,
  );
}

const STYLES = new Set(["primary", "danger"]);

function buttons(post, actions, act) {
  const shown = (Array.isArray(actions) ? actions : []).filter((one) => one?.id && one.name);
  if (!shown.length) return null;
  const one = (action) => {
    const style = STYLES.has(action.style) ? action.style : "default";
    const button = el(
      "button",
      { type: "button", class: `action ${style}`, data: { testid: `action-${action.id}`, style } },
      String(action.name),
    );
    button.addEventListener("click", async () => {
      button.disabled = true; // until it is answered; a second click would be a second call
      await act.click(post, action.id);
      button.disabled = false;
    });
    return button;
  };
  return el("div", { class: "actions" }, shown.map(one));
}

function reactions(post, act) {
  if (!post.reactions.length) return null;
  const byName = Map.groupBy ? Map.groupBy(post.reactions, (one) => one.emoji_name) : group(post.reactions);
  const chips = [...byName].map(([name, list]) => {
    const mine = list.some((one) => one.user_id === state.me.id);
    const who = list.map((one) => userById(one.user_id).username).join(", ");
    return el(
      "button",
      {
        type: "button",
        class: mine ? "chip mine" : "chip",
        "aria-pressed": String(mine),
        "aria-label": `${name}: ${who}`,
        title: `:${name}: ${who}`,
        onclick: () => act.react(post, name, mine),
        data: { testid: `reaction-${name}` },
      },
      ICONS.has(name) ? icon(ICONS.get(name)) : el("span", {}, `:${name}:`),
      el("span", {}, String(list.length)),
    );
  });
  return el("div", { class: "chips" }, chips);
}

function group(list) {
  const groups = new Map();
  for (const one of list) groups.set(one.emoji_name, [...(groups.get(one.emoji_name) ?? []), one]);
  return groups;
}

function tools(post, { rootId, act }) {
  const button = (name, label, picture, onclick) =>
    el("button", { type: "button", "aria-label": label, title: label, onclick, data: { testid: name } }, icon(picture));
  const mine = (name) => post.reactions.some((one) => one.user_id === state.me.id && one.emoji_name === name);
  return el(
    "div",
    { class: "tools", role: "toolbar", "aria-label": "What to do with this message" },
    QUICK.map(([name, picture, label]) =>
      button(`react-${name}`, `React: ${label}`, picture, () => act.react(post, name, mine(name))),
    ),
    rootId ? null : button("reply", "Reply in a thread", "reply", () => act.openThread(post)),
    post.user_id === state.me.id
      ? button("edit", "Edit", "edit", () => act.edit(post, Boolean(rootId)))
      : null,
  );
}

/** Let the arrow keys walk from message to message. */
export function walkWithArrows(list) {
  list.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
    if (event.target.closest("button, a, pre")) return;
    const rows = [...list.querySelectorAll("article")];
    const here = rows.indexOf(event.target.closest("article"));
    const step = event.key === "ArrowUp" ? -1 : 1;
    const next = here < 0 ? rows.at(-1) : rows[here + step];
    if (!next) return;
    event.preventDefault();
    next.focus();
    next.scrollIntoView({ block: "nearest" });
  });
}
