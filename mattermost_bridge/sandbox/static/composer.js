// The box in which one writes: Enter sends, Shift+Enter breaks the line, an edit comes back into it.

import { el, icon } from "./dom.js";

const TYPING_EVERY = 3000;

export class Composer {
  /** `on.send(text)` resolves when sent; `on.typing()`; `on.cancelEdit()`; `on.editLast()`. */
  constructor(form, { id, testid, label, on }) {
    this.on = on;
    this.sending = false;
    this.lastTyping = 0;
    this.hint = el("p", { class: "editing", hidden: true }, el("span", {}, "Editing your message."), " ");
    this.hint.append(
      el("button", { type: "button", class: "link", onclick: () => on.cancelEdit() }, "Cancel"),
    );
    this.box = el("textarea", { id, rows: "1", "aria-label": label, enterkeyhint: "send", data: { testid } });
    const send = el(
      "button",
      { type: "submit", class: "send", "aria-label": "Send", title: "Send (Enter)", data: { testid: testid === "composer" ? "send" : "thread-send" } },
      icon("send"),
    );
    form.append(this.hint, el("div", { class: "composer-row" }, this.box, send));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.send();
    });
    this.box.addEventListener("keydown", (event) => this.key(event));
    this.box.addEventListener("input", () => this.input());
  }

  key(event) {
    if (event.isComposing) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.send();
    } else if (event.key === "Escape" && !this.hint.hidden) {
      event.stopPropagation();
      this.on.cancelEdit();
    } else if (event.key === "ArrowUp" && this.box.value === "") {
      event.preventDefault();
      this.on.editLast();
    }
  }

  input() {
    this.fit();
    const now = Date.now();
    if (this.box.value.trim() && now - this.lastTyping > TYPING_EVERY) {
      this.lastTyping = now;
      this.on.typing();
    }
  }

  fit() {
    this.box.style.height = "auto";
    this.box.style.height = `${Math.min(this.box.scrollHeight + 2, 220)}px`;
  }

  async send() {
    const text = this.box.value;
    if (!text.trim() || this.sending) return;
    this.sending = true;
    this.set("");
    try {
      await this.on.send(text);
    } catch {
      if (!this.box.value) this.set(text); // what could not be sent comes back
    } finally {
      this.sending = false;
      this.lastTyping = 0;
    }
  }

  set(text) {
    this.box.value = text;
    this.fit();
  }

  /** Take a message back into the box, or with null leave editing. */
  edit(text) {
    this.hint.hidden = text === null;
    this.set(text ?? "");
    this.focus();
  }

  focus() {
    if (matchMedia("(hover: hover)").matches || document.activeElement?.closest("form")) this.box.focus();
  }
}
