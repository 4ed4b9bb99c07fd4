// The box in which one writes: Enter sends, Shift+Enter breaks the line, an edit comes back into it, files go along.

import { el, icon } from "./dom.js";
import { sizeInWords } from "./text.js";

const TYPING_EVERY = 3000;

export class Composer {
  /** `on.send(text, files)` resolves when sent; `on.typing()`; `on.cancelEdit()`; `on.editLast()`. */
  constructor(form, { id, testid, label, on }) {
    this.on = on;
    this.sending = false;
    this.lastTyping = 0;
    this.hint = el("p", { class: "editing", hidden: true }, el("span", {}, "Editing your message."), " ");
    this.hint.append(
      el("button", { type: "button", class: "link", onclick: () => on.cancelEdit() }, "Cancel"),
    );
    this.files = [];
    this.chosen = el("ul", { class: "chosen", hidden: true, data: { testid: `${testid}-files` } });
    this.picker = el("input", {
      type: "file",
      multiple: true,
      hidden: true,
      tabindex: "-1",
      data: { testid: `${testid}-attach` },
      onchange: () => this.add(this.picker.files),
    });
    const attach = el(
      "button",
      { type: "button", class: "attach", "aria-label": "Attach files", title: "Attach files", onclick: () => this.picker.click() },
      icon("clip"),
    );
    this.box = el("textarea", { id, rows: "1", "aria-label": label, enterkeyhint: "send", data: { testid } });
    const send = el(
      "button",
      { type: "submit", class: "send", "aria-label": "Send", title: "Send (Enter)", data: { testid: testid === "composer" ? "send" : "thread-send" } },
      icon("send"),
    );
    form.append(this.hint, this.chosen, el("div", { class: "composer-row" }, this.picker, attach, this.box, send));
    form.addEventListener("dragover", (event) => event.preventDefault());
    form.addEventListener("drop", (event) => {
      event.preventDefault();
      this.add(event.dataTransfer.files);
    });
    this.box.addEventListener("paste", (event) => {
      if (event.clipboardData?.files.length) this.add(event.clipboardData.files);
    });
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

  add(files) {
    this.files.push(...files);
    this.picker.value = "";
    this.drawFiles();
    this.box.focus();
  }

  drawFiles() {
    this.chosen.hidden = !this.files.length;
    this.chosen.replaceChildren(
      ...this.files.map((file, place) =>
        el(
          "li",
          {},
          icon("clip"),
          el("span", {}, file.name),
          el("span", { class: "size" }, sizeInWords(file.size)),
          el("button", { type: "button", "aria-label": `Leave out ${file.name}`, onclick: () => this.leaveOut(place) }, icon("close")),
        ),
      ),
    );
  }

  leaveOut(place) {
    this.files.splice(place, 1);
    this.drawFiles();
  }

  async send() {
    const text = this.box.value;
    const files = this.files;
    if ((!text.trim() && !files.length) || this.sending) return;
    this.sending = true;
    this.set("");
    this.files = [];
    this.drawFiles();
    try {
      await this.on.send(text, files);
    } catch {
      if (!this.box.value) this.set(text); // what could not be sent comes back
      this.files = [...files, ...this.files];
      this.drawFiles();
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
