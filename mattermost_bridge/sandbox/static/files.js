// Files of a message: pictures are shown, everything else can be kept. Their bytes are fetched with one's token.

import { el, icon, toast } from "./dom.js";
import { sizeInWords } from "./text.js";

const addresses = new Map();

/** The files of a post, or null when it has none. */
export function files(post, act) {
  const list = post.metadata?.files ?? [];
  if (!list.length) return null;
  return el("div", { class: "files" }, list.map((file) => one(file, act)));
}

function one(file, act) {
  const keep = el(
    "button",
    { type: "button", class: "file", title: `Save ${file.name}`, onclick: () => save(file, act), data: { testid: "file" } },
    icon("clip"),
    el("span", { class: "file-name" }, file.name),
    el("span", { class: "size" }, sizeInWords(file.size)),
  );
  if (!/^image\/(png|jpeg|gif|webp)/.test(file.mime_type)) return keep;
  const picture = el("img", { alt: file.name, class: "picture", data: { testid: "picture" } });
  picture.addEventListener("load", () => {
    // Whoever reads the newest message goes on reading it, although the picture moved it.
    const list = picture.closest(".messages");
    const fromEnd = list ? list.scrollHeight - list.scrollTop - list.clientHeight : Infinity;
    if (fromEnd < 80 + picture.offsetHeight) list.scrollTop = list.scrollHeight;
  });
  address(file, act).then((url) => picture.setAttribute("src", url), () => picture.remove());
  return el("figure", {}, picture, keep);
}

/** Each file is fetched once, however often its message is drawn. */
function address(file, act) {
  if (!addresses.has(file.id)) {
    const fetched = act.file(file.id);
    addresses.set(file.id, fetched);
    fetched.catch(() => addresses.delete(file.id));
  }
  return addresses.get(file.id);
}

async function save(file, act) {
  try {
    el("a", { href: await address(file, act), download: file.name }).click();
  } catch (error) {
    toast(error.message, { bad: true });
  }
}
