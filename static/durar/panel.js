// Buttons that ask a server something before a form is saved: they post the form as it stands and show the answer.
(() => {
    "use strict";

    function show(place, tone, title, lines) {
        place.replaceChildren();
        place.className = `du-answer du-answer-${tone}`;
        const heading = document.createElement("strong");
        heading.textContent = title;
        place.append(heading);
        for (const line of lines) {
            const paragraph = document.createElement("p");
            paragraph.textContent = line;
            place.append(paragraph);
        }
    }

    async function ask(box) {
        const button = box.querySelector("[data-ask-button]");
        const place = box.querySelector("[data-ask-answer]");
        const form = box.closest("form");
        if (button.getAttribute("aria-disabled") === "true") {
            return;
        }
        // Not `disabled`: that would take the focus away from who works with the keyboard.
        button.setAttribute("aria-disabled", "true");
        show(place, "idle", button.dataset.busy, []);
        try {
            const response = await fetch(box.dataset.askUrl, {
                method: "POST",
                body: new FormData(form),
                headers: { Accept: "application/json" },
                credentials: "same-origin",
                redirect: "error",
            });
            if (!response.ok) {
                throw new Error(`${response.status}`);
            }
            const answer = await response.json();
            show(place, answer.tone, answer.title, answer.lines);
        } catch (error) {
            show(place, "bad", box.dataset.failed || "Durar did not answer. Reload the page and try again.", []);
        } finally {
            button.removeAttribute("aria-disabled");
        }
    }

    document.addEventListener("click", (event) => {
        const button = event.target.closest("[data-ask-button]");
        if (button) {
            ask(button.closest("[data-ask]"));
        }
    });
})();

// Widgets of Django's own that scripts make: what they lack for screen readers is added when they appear.
(() => {
    "use strict";

    function name(box) {
        const select = box.closest(".select2")?.previousElementSibling;
        const label = select && document.querySelector(`label[for="${CSS.escape(select.id)}"]`);
        box.setAttribute("aria-label", label ? label.textContent.trim() : "Search");
    }

    function mend() {
        document.querySelectorAll(".select2-search__field:not([aria-label])").forEach(name);
        document.querySelectorAll("span.help-tooltip[aria-label]:not([role])").forEach((one) => one.setAttribute("role", "img"));
    }

    document.addEventListener("DOMContentLoaded", () => {
        mend();
        if (document.querySelector("select")) {
            new MutationObserver(mend).observe(document.body, { childList: true, subtree: true });
        }
    });
})();

// A page that stays open follows the system from light to dark: Unfold asks for the system's scheme only when it is loaded.
(() => {
    "use strict";

    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
        const data = window.Alpine?.$data(document.documentElement);
        if (data?.adminTheme === "auto") {
            // Alpine looks again at what depends on a value once it was set to another one; it looks when both are done.
            data.adminTheme = "";
            data.adminTheme = "auto";
        }
    });
})();

// A field that takes several files names all of them; Unfold writes the first one's name.
(() => {
    "use strict";

    document.addEventListener("change", (event) => {
        if (event.target.matches('input[type="file"][multiple]')) {
            const shown = event.target.closest("label")?.querySelector('input[type="text"]');
            const names = Array.from(event.target.files, (file) => file.name).join(", ");
            shown?.setAttribute("value", names);
        }
    });
})();
