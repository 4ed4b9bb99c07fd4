// Search fields: a combobox that asks the panel for people or channels while one types. It shows names and keeps ids.
(() => {
    "use strict";

    const WAIT = 180; // milliseconds after the last key, so that a word is one question
    const AGAIN = 400; // until a question is asked again while another one of the same person runs

    class SearchField {
        constructor(box) {
            this.box = box;
            this.input = box.querySelector("[role=combobox]");
            this.id = box.querySelector("[data-search-id]");
            this.list = box.querySelector("[role=listbox]");
            this.says = box.querySelector("[role=status]");
            this.account = document.getElementById(box.dataset.accountField);
            this.kind = box.dataset.kindField ? document.getElementById(box.dataset.kindField) : null;
            this.found = [];
            this.active = -1;
            this.timer = 0;
            this.asking = null;
            this.input.addEventListener("input", () => this.changed());
            this.input.addEventListener("focus", () => this.id.value || this.later(0));
            this.input.addEventListener("blur", () => this.close());
            this.input.addEventListener("keydown", (event) => this.key(event));
            this.list.addEventListener("mousedown", (event) => event.preventDefault()); // the input keeps the focus
            this.list.addEventListener("click", (event) => this.clicked(event));
            this.account?.addEventListener("change", () => this.otherServer());
            this.kind?.addEventListener("change", () => this.otherServer());
        }

        changed() {
            this.id.value = "";
            // What was found for another word must not be picked by accident while the answer is on its way.
            const typed = this.input.value.trim().replace(/^[@~]/, "").toLowerCase();
            this.offer(typed ? this.found.filter((hit) => `${hit.label} ${hit.detail}`.toLowerCase().includes(typed)) : []);
            this.later(WAIT);
        }

        otherServer() {
            // An id means somebody else on another server, and a person is no channel; the name is looked up there.
            this.id.value = "";
            this.say("");
            this.close();
        }

        later(wait) {
            clearTimeout(this.timer);
            this.timer = setTimeout(() => this.ask(), wait);
        }

        async ask() {
            this.asking?.abort();
            const asking = new AbortController();
            this.asking = asking;
            const query = this.input.value.trim();
            const address = new URL(this.box.dataset.url, window.location.href);
            address.searchParams.set("q", query);
            address.searchParams.set("account", this.account?.value ?? "");
            if (this.kind) {
                address.searchParams.set("kind", this.kind.value);
            }
            if (query) {
                this.say(this.box.dataset.searching);
            }
            try {
                const response = await fetch(address, {
                    headers: { Accept: "application/json" },
                    credentials: "same-origin",
                    redirect: "error",
                    signal: asking.signal,
                });
                if (!response.ok) {
                    throw new Error(`${response.status}`);
                }
                const answer = await response.json();
                if (answer.busy) {
                    this.later(AGAIN);
                } else if (document.activeElement === this.input) {
                    this.show(answer, query);
                }
            } catch (error) {
                if (error.name !== "AbortError") {
                    this.close();
                    this.say(this.box.dataset.failed, true);
                }
            }
        }

        offer(found) {
            this.found = found;
            this.active = -1;
            this.list.replaceChildren(...found.map((hit, index) => this.line(hit, index)));
            this.list.hidden = found.length === 0;
            this.input.setAttribute("aria-expanded", String(!this.list.hidden));
            this.input.removeAttribute("aria-activedescendant");
        }

        show(answer, query) {
            this.offer(answer.found);
            if (answer.problem) {
                this.say(answer.problem, true);
            } else if (this.found.length) {
                this.say(query ? this.box.dataset.found.replace("%s", this.found.length) : "");
            } else {
                this.say(query ? [this.box.dataset.nothing, answer.server].filter(Boolean).join(" ") : "");
            }
        }

        line(hit, index) {
            const line = document.createElement("li");
            line.id = `${this.list.id}_${index}`;
            line.setAttribute("role", "option");
            line.setAttribute("aria-selected", "false");
            line.dataset.index = index;
            const label = document.createElement("strong");
            label.textContent = hit.label;
            line.append(label);
            if (hit.detail) {
                const detail = document.createElement("span");
                detail.textContent = hit.detail;
                line.append(detail);
            }
            return line;
        }

        key(event) {
            const open = !this.list.hidden;
            if (event.key === "ArrowDown" || event.key === "ArrowUp") {
                event.preventDefault();
                if (open) {
                    this.move(event.key === "ArrowDown" ? 1 : -1);
                } else {
                    this.later(0);
                }
            } else if (event.key === "Enter" && open && this.active >= 0) {
                event.preventDefault();
                this.pick(this.found[this.active]);
            } else if (event.key === "Escape" && open) {
                event.preventDefault();
                this.close();
            }
        }

        move(step) {
            const lines = this.list.children;
            lines[this.active]?.setAttribute("aria-selected", "false");
            this.active = this.active < 0 && step < 0 ? lines.length - 1 : (this.active + step + lines.length) % lines.length;
            const line = lines[this.active];
            line.setAttribute("aria-selected", "true");
            line.scrollIntoView({ block: "nearest" });
            this.input.setAttribute("aria-activedescendant", line.id);
        }

        clicked(event) {
            const line = event.target.closest("[role=option]");
            if (line) {
                this.pick(this.found[Number(line.dataset.index)]);
            }
        }

        pick(hit) {
            this.asking?.abort();
            this.input.value = hit.label;
            this.id.value = hit.id;
            this.close();
            const words = hit.detail ? `${hit.label} (${hit.detail})` : hit.label;
            this.say(this.box.dataset.picked.replace("%s", words));
        }

        close() {
            clearTimeout(this.timer);
            this.list.hidden = true;
            this.active = -1;
            this.input.setAttribute("aria-expanded", "false");
            this.input.removeAttribute("aria-activedescendant");
        }

        say(words, problem = false) {
            this.says.textContent = words;
            this.says.classList.toggle("du-search-problem", problem);
        }
    }

    function start() {
        for (const box of document.querySelectorAll("[data-search]")) {
            new SearchField(box);
        }
    }

    if (document.readyState === "loading") {
        document.addEventListener("DOMContentLoaded", start);
    } else {
        start();
    }
})();
