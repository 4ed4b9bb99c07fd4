// Building elements. Text is always set as text: nothing that a user wrote is ever parsed as HTML.

const SVG = "http://www.w3.org/2000/svg";

/** Make an element: attributes, `on…` listeners, `data` and children (nodes, texts, nothing). */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "data") Object.assign(node.dataset, value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** Make an icon from the page's own sprite. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `/sandbox/static/icons.svg#${name}`);
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

export const byId = (id) => document.getElementById(id);

/** Show a short note at the edge of the page for some seconds. */
export function toast(text, { bad = false } = {}) {
  const note = el("p", { class: bad ? "toast bad" : "toast", data: { testid: "toast" } }, text);
  byId("toasts").append(note);
  setTimeout(() => note.remove(), bad ? 9000 : 5000);
}

/** A round picture with the initials of a user, in a colour of its own. */
export function avatar(user, { dot = null } = {}) {
  const letters = user.name.split(" ").map((part) => part[0]).slice(0, 2).join("").toUpperCase();
  const hue = [...user.username].reduce((sum, char) => (sum * 16 + char.charCodeAt(0)) % 9973, 1) % 6;
  return el(
    "span",
    { class: `avatar hue${hue}${user.is_bot ? " bot" : ""}`, "aria-hidden": "true" },
    letters,
    dot === null ? null : el("span", { class: dot ? "dot on" : "dot" }),
  );
}

/** Keep `parent`'s children equal to `rows` ({key, signature, make}), touching only what changed. */
export function reconcile(parent, rows) {
  const old = new Map([...parent.children].map((node) => [node.dataset.key, node]));
  let place = parent.firstElementChild;
  for (const { key, signature, make } of rows) {
    let node = old.get(key);
    old.delete(key);
    if (!node || node.dataset.signature !== signature) {
      const fresh = make();
      fresh.dataset.key = key;
      fresh.dataset.signature = signature;
      if (node) {
        const hadFocus = node.contains(document.activeElement);
        if (place === node) place = fresh;
        node.replaceWith(fresh);
        if (hadFocus) fresh.focus();
      }
      node = fresh;
    }
    if (place === node) place = node.nextElementSibling;
    else parent.insertBefore(node, place);
  }
  for (const node of old.values()) node.remove();
}
