// A form in steps: each part (fieldset.du-step) on its own, the next one once the server finds nothing wrong with this
// one. It stays one form, so nothing that was entered is lost; without this script all parts stand below each other.
(() => {
    "use strict";
    const _ = window.gettext || ((text) => text);

    function make(tag, attributes, ...inside) {
        const element = document.createElement(tag);
        for (const [name, value] of Object.entries(attributes)) {
            element.setAttribute(name, value);
        }
        element.append(...inside);
        return element;
    }

    const names = (step) =>
        Array.from(new Set(Array.from(step.querySelectorAll("input, select, textarea"), (field) => field.name))).filter(Boolean);

    const hasErrors = (step) => step.querySelector(".errorlist, .du-field-error") !== null;

    function clear(step) {
        step.querySelectorAll(".du-field-error").forEach((note) => note.remove());
        step.querySelectorAll("[aria-invalid]").forEach((field) => field.removeAttribute("aria-invalid"));
    }

    // Below the field and its help, in the column beside the label.
    function placeOf(field) {
        let one = field;
        while (field.closest(".field-row") && !one.parentElement.parentElement.matches(".field-row")) {
            one = one.parentElement;
        }
        return one === field ? field.parentElement : one;
    }

    function show(step, errors, tone) {
        let first = null;
        for (const [name, sentences] of Object.entries(errors)) {
            const field = step.querySelector(`[name="${CSS.escape(name)}"]`);
            if (!field) {
                continue;
            }
            const id = `du-error-${name}`;
            const note = make("p", { id, class: `du-field-error ${tone}`, role: "alert" }, sentences.join(" "));
            if (tone === "") {
                field.setAttribute("aria-invalid", "true");
            }
            field.setAttribute("aria-describedby", id);
            placeOf(field).append(note);
            first = first || field;
        }
        first?.focus();
    }

    function begin(form, checks) {
        const steps = Array.from(form.querySelectorAll("fieldset.du-step"));
        if (steps.length < 2) {
            return;
        }
        let current = Math.max(0, steps.findIndex(hasErrors));
        let reached = form.querySelector(".errorlist, .errornote") ? steps.length - 1 : 0;
        let busy = false;
        // What was said once and is no error: whoever goes on means it.
        const known = new Set();

        const list = make("ol", { class: "du-steps-list" });
        const place = make("p", { class: "du-hidden", role: "status" });
        const links = steps.map((step, index) => {
            const title = step.querySelector("h2").textContent.trim();
            const button = make("button", { type: "button", class: "du-step-link" }, `${index + 1}. ${title}`);
            button.addEventListener("click", () => go(index));
            list.append(make("li", {}, button));
            return button;
        });
        form.prepend(make("nav", { "aria-label": _("Steps"), class: "du-steps-nav" }, list), place);

        steps.forEach((step, index) => {
            const back = make("button", { type: "button", class: "du-button du-button-plain" }, _("Back"));
            const next = make("button", { type: "button", class: "du-button du-button-good" }, _("Next"));
            back.addEventListener("click", () => go(index - 1));
            next.addEventListener("click", forward);
            const row = make("div", { class: "du-buttons du-step-buttons" });
            if (index > 0) {
                row.append(back);
            }
            if (index < steps.length - 1) {
                row.append(next);
            }
            step.append(row);
        });

        function draw(focus) {
            steps.forEach((step, index) => {
                step.hidden = index !== current;
            });
            links.forEach((link, index) => {
                link.toggleAttribute("disabled", index > reached);
                link.removeAttribute("aria-current");
            });
            links[current].setAttribute("aria-current", "step");
            document.body.classList.toggle("du-stepping", current < steps.length - 1);
            if (focus) {
                place.textContent = links[current].textContent;
                const field = steps[current].querySelector("input:not([type=hidden]), select, textarea, button");
                field?.focus();
                steps[current].scrollIntoView({ block: "nearest" });
            }
        }

        function go(index) {
            if (index >= 0 && index <= reached) {
                current = index;
                draw(true);
            }
        }

        async function forward() {
            if (busy) {
                return;
            }
            busy = true;
            const step = steps[current];
            const next = step.querySelector(".du-step-buttons .du-button-good");
            clear(step);
            next?.setAttribute("aria-busy", "true");
            const body = new FormData(form);
            body.set("du_fields", names(step).join(" "));
            try {
                const response = await fetch(checks, {
                    method: "POST",
                    body,
                    headers: { Accept: "application/json" },
                    credentials: "same-origin",
                    redirect: "error",
                });
                if (!response.ok) {
                    throw new Error(`${response.status}`);
                }
                const { errors, notes } = await response.json();
                const mine = Object.fromEntries(names(step).filter((name) => errors[name]).map((name) => [name, errors[name]]));
                const said = JSON.stringify(notes);
                if (Object.keys(mine).length) {
                    show(step, mine, "");
                } else if (Object.keys(notes).length && !known.has(said)) {
                    known.add(said);
                    const goOn = _("Next goes on all the same.");
                    show(step, Object.fromEntries(Object.entries(notes).map(([name, all]) => [name, [...all, goOn]])), "du-field-note");
                } else {
                    reached = Math.max(reached, current + 1);
                    go(current + 1);
                }
            } catch (error) {
                const sentence = _("Durar did not answer. What you entered is still here; try again in a moment.");
                step.append(make("p", { class: "du-field-error", role: "alert" }, sentence));
            } finally {
                next?.removeAttribute("aria-busy");
                busy = false;
            }
        }

        form.addEventListener("keydown", (event) => {
            const writes = event.target.matches("textarea, button, a, summary");
            if (event.key === "Enter" && !writes && current < steps.length - 1) {
                event.preventDefault();
                forward();
            }
        });
        draw(false);
    }

    document.addEventListener("DOMContentLoaded", () => {
        const mark = document.querySelector("[data-steps]");
        const form = mark && mark.closest("form");
        if (form) {
            begin(form, mark.dataset.steps);
        }
    });
})();
