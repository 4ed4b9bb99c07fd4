// What needs a hand, on every page: the counts in the sidebar and in the title, and a note for each thing that is new.
(() => {
    "use strict";
    const durar = (window.durar = window.durar || {});
    const _ = window.gettext || ((text) => text);

    const SEEN = "durar-seen";
    const MOST_SEEN = 500;
    const MOST_NOTES = 3;
    const NOTE_SECONDS = 15;
    let title = null;

    function showCounts(badges, needs) {
        for (const place of document.querySelectorAll("[data-live-badge]")) {
            const text = badges[place.dataset.liveBadge] || "";
            if (place.textContent !== text) {
                place.textContent = text;
                place.hidden = !text;
            }
        }
        title = title === null ? document.title : title;
        document.title = needs ? `(${needs}) ${title}` : title;
    }

    // Keys of this tab, over its pages: what came while one page made room for the next is new, too.
    function seen() {
        try {
            return JSON.parse(window.sessionStorage.getItem(SEEN));
        } catch {
            return null;
        }
    }

    function remember(keys) {
        try {
            window.sessionStorage.setItem(SEEN, JSON.stringify(keys.slice(-MOST_SEEN)));
        } catch {
            // A browser that keeps nothing shows a note once for each page instead of once.
        }
    }

    function place() {
        let box = document.getElementById("du-toasts");
        if (!box) {
            box = document.createElement("div");
            box.id = "du-toasts";
            box.className = "du-toasts";
            box.setAttribute("role", "status");
            document.body.append(box);
        }
        return box;
    }

    function note(item) {
        const toast = document.createElement("div");
        toast.className = `du-toast du-${item.tone}`;
        const link = document.createElement("a");
        link.href = item.link;
        link.textContent = item.text;
        const close = document.createElement("button");
        close.type = "button";
        close.textContent = "×";
        close.setAttribute("aria-label", _("Close"));
        close.addEventListener("click", () => toast.remove());
        toast.append(link, close);
        place().append(toast);
        const fade = () => {
            // Not from under the pointer or the focus.
            if (toast.matches(":hover, :focus-within")) {
                window.setTimeout(fade, 1000);
            } else {
                toast.remove();
            }
        };
        window.setTimeout(fade, NOTE_SECONDS * 1000);
    }

    function tell(news) {
        const known = seen();
        const fresh = known ? news.filter((item) => !known.includes(item.key)) : [];
        remember([...(known || []).filter((key) => !news.some((item) => item.key === key)), ...news.map((item) => item.key)]);
        fresh.slice(0, MOST_NOTES).forEach(note);
        const more = fresh.length - MOST_NOTES;
        if (more > 0) {
            const text = _("%(n)d more need a hand").replace("%(n)d", more);
            note({ tone: "warning", link: "/", text });
        }
    }

    // Show what the server says needs a hand.
    durar.showNews = (answer) => {
        durar.clockIs(answer.now);
        showCounts(answer.badges, answer.needs);
        tell(answer.news);
        durar.tick();
    };
})();
