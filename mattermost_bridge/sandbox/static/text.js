// Light Markdown as DOM nodes: code fences, inline code, bold, italics, strike, links and mentions.

import { el } from "./dom.js";

const FENCE = /^ {0,3}(`{3,}|~{3,})[ \t]*([^\n`]*)\n([\s\S]*?)(?:\n {0,3}\1[`~]*[ \t]*(?=\n|$)|$(?![\s\S]))/m;
const INLINE = new RegExp(
  [
    "(?<code>`+)(?<codeText>[\\s\\S]+?)\\k<code>(?!`)",
    "\\[(?<label>[^\\]\\n]+)\\]\\((?<address>https?:\\/\\/[^\\s)]+)\\)",
    "(?<url>https?:\\/\\/[^\\s<>\"']*[^\\s<>\"'.,:;!?)\\]*_])",
    "(?<strong>\\*\\*|__)(?=\\S)(?<strongText>[\\s\\S]*?\\S)\\k<strong>",
    "~~(?=\\S)(?<struck>[\\s\\S]*?\\S)~~",
    "(?<![\\w*])\\*(?=[^\\s*])(?<star>[^*\\n]*?[^\\s*])\\*(?![\\w*])",
    "(?<![\\w_])_(?=[^\\s_])(?<under>[^_\\n]*?[^\\s_])_(?![\\w_])",
    "(?<![\\w@])@(?<mention>[a-z0-9][a-z0-9._-]*)",
  ].join("|"),
  "i",
);

/** Return nodes for a message; `names` are the user names that exist, `me` is highlighted. */
export function richText(text, { names, me }) {
  const nodes = [];
  let rest = text;
  for (let match = FENCE.exec(rest); match; match = FENCE.exec(rest)) {
    nodes.push(...paragraph(rest.slice(0, match.index), { names, me }));
    const language = match[2].trim();
    nodes.push(el("pre", { tabindex: "0", "aria-label": language ? `Code, ${language}` : "Code" }, el("code", {}, match[3])));
    rest = rest.slice(match.index + match[0].length).replace(/^\n/, "");
  }
  nodes.push(...paragraph(rest, { names, me }));
  return nodes;
}

function paragraph(text, context) {
  const trimmed = text.replace(/^\n+|\n+$/g, "");
  return trimmed ? [el("p", {}, inline(trimmed, context))] : [];
}

function inline(text, context) {
  const nodes = [];
  let rest = text;
  for (let match = INLINE.exec(rest); match; match = INLINE.exec(rest)) {
    nodes.push(rest.slice(0, match.index), styled(match, context));
    rest = rest.slice(match.index + match[0].length);
  }
  nodes.push(rest);
  return nodes;
}

function styled(match, context) {
  const found = match.groups;
  if (found.code) return el("code", {}, found.codeText.trim() || found.codeText);
  if (found.label) return link(found.address, found.label);
  if (found.url) return link(found.url, found.url);
  if (found.strong) return el("strong", {}, inline(found.strongText, context));
  if (found.struck) return el("s", {}, inline(found.struck, context));
  if (found.star || found.under) return el("em", {}, inline(found.star || found.under, context));
  return mention(match[0], found.mention, context);
}

function link(address, label) {
  return el("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, label);
}

function mention(text, word, { names, me }) {
  const name = word.toLowerCase().replace(/[._-]+$/, "");
  const everybody = ["all", "channel", "here"].includes(name);
  if (!everybody && !names.has(name)) return document.createTextNode(text);
  const length = 1 + name.length;
  const mark = el("span", { class: name === me || everybody ? "mention me" : "mention" }, text.slice(0, length));
  return text.length === length ? mark : el("span", {}, mark, text.slice(length));
}

/** A size in bytes as people read it. */
export function sizeInWords(size) {
  if (size < 1024) return size === 1 ? "1 byte" : `${size} bytes`;
  const kib = size / 1024;
  return kib < 1024 ? `${kib.toFixed(1).replace(/\.0$/, "")} KiB` : `${(kib / 1024).toFixed(1).replace(/\.0$/, "")} MiB`;
}
