// Keeps an open page up to date. A WebSocket tells which kinds of records changed; the page then fetches its own address
// and shows what is different in the parts marked `data-live="kind kind"`. Forms are never touched. Without the socket
// it looks by itself every 30 seconds, and says so.
(() => {
    "use strict";
    const durar = (window.durar = window.durar || {});
    const _ = window.gettext || ((text) => text);

    const SOCKET = "/ws/live/";
    const NEWS = "/live/news/";
    // Says that nobody reads this answer, so that it uses up no message that somebody is to read.
    const HEADERS = { "X-Durar-Live": "1" };
    const POLL = 30_000;
    const PING = 15_000;
    const PONG = 5_000;
    const BETWEEN = 250;
    const BETWEEN_HIDDEN = 5_000;
    const LIMIT = 20_000;
    const PATIENCE = 2_000;
    const LONGEST_WAIT = 15_000;
    const SIGNED_OUT = 4401;
    const NO_RIGHTS = 4403;
    // These change what stands in the sidebar and in the notes.
    const NEWSWORTHY = new Set(["pairing", "delivery", "event", "turn", "connection", "account", "alert", "overview"]);
    const ANY = "*";
    // For parts with numbers that the server keeps for a while: after so many seconds (`data-live-settles`) once more.
    const SETTLED = "settled";

    const regions = new Map();
    let dirty = new Set();
    let running = false;
    let timer = null;
    let ended = 0;
    let took = 0;
    let stopped = false;
    let failing = false;

    // State and note ---------------------------------------------------------------------------------------------

    const NOTES = {
        polling: _("Not live: this page looks for changes every 30 s."),
        signedout: _("You are signed out. Reload the page to sign in."),
        norights: _("Your rights have changed. Reload the page."),
    };

    function say(state) {
        document.documentElement.dataset.liveState = state;
        let note = document.getElementById("du-live");
        if (!note) {
            note = document.createElement("div");
            note.id = "du-live";
            note.className = "du-live";
            note.setAttribute("role", "status");
            document.body.append(note);
        }
        note.textContent = NOTES[state] || "";
        note.hidden = !NOTES[state];
    }

    function stop(state) {
        stopped = true;
        window.clearTimeout(timer);
        say(state);
    }

    // Refreshing -------------------------------------------------------------------------------------------------

    async function ask(address) {
        const response = await fetch(address, {
            headers: HEADERS,
            credentials: "same-origin",
            redirect: "manual",
            cache: "no-store",
            signal: AbortSignal.timeout(LIMIT),
        });
        if (response.type === "opaqueredirect" && address === NEWS) {
            stop("signedout");
        }
        if (response.status >= 500 || response.status === 429) {
            // The server is busy or restarts behind a proxy: what changed is still to be shown.
            throw new Error(`${address} answers ${response.status}`);
        }
        return response.ok ? response : null;
    }

    async function refreshNews() {
        const response = await ask(NEWS);
        if (response) {
            durar.showNews(await response.json());
        }
    }

    const concerned = (element, kinds) =>
        kinds.has(ANY) ||
        (kinds.has(SETTLED) && element.hasAttribute("data-live-settles")) ||
        element.dataset.live.split(" ").some((kind) => kinds.has(kind));

    let settling = null;

    function settleLater(elements) {
        const seconds = Math.max(0, ...elements.map((element) => Number(element.dataset.liveSettles || 0)));
        if (seconds) {
            window.clearTimeout(settling);
            settling = window.setTimeout(() => durar.refresh([SETTLED]), seconds * 1000);
        }
    }

    // Rows must not move while somebody is about to press a button in them.
    const aboutToPress = () => document.querySelector("[data-live] button:hover:active, [data-live] .du-button:hover");

    async function refreshRegions(names) {
        const response = await ask(window.location.pathname + window.location.search);
        if (!response) {
            return;
        }
        const page = new DOMParser().parseFromString(await response.text(), "text/html");
        for (let waits = 0; waits < 10 && aboutToPress(); waits += 1) {
            await new Promise((resolve) => window.setTimeout(resolve, 200));
        }
        for (const name of names) {
            const next = page.querySelector(`[data-live-region="${name}"]`);
            if (next) {
                durar.patch(regions.get(name), next);
            }
        }
        document.dispatchEvent(new CustomEvent("durar:patched"));
    }

    async function run() {
        timer = null;
        running = true;
        const kinds = dirty;
        dirty = new Set();
        const begun = performance.now();
        try {
            const parts = Array.from(document.querySelectorAll("[data-live]")).filter((part) => concerned(part, kinds));
            const names = parts.map((part) => part.dataset.liveRegion);
            if (!(kinds.size === 1 && kinds.has(SETTLED))) {
                settleLater(parts);
            }
            const work = [];
            if (kinds.has(ANY) || Array.from(kinds).some((kind) => NEWSWORTHY.has(kind))) {
                work.push(refreshNews());
            }
            if (names.length && document.hidden) {
                kinds.forEach((kind) => dirty.add(kind));
            } else if (names.length) {
                work.push(refreshRegions(names));
            }
            await Promise.all(work);
            if (failing) {
                failing = false;
                ping();
            }
        } catch (error) {
            // The server is away or restarts. The page looks again by itself, and says so.
            console.info("Durar could not be asked what is new:", error);
            kinds.forEach((kind) => dirty.add(kind));
            failing = true;
            ended = performance.now() + LONGEST_WAIT;
            lost();
        }
        took = failing ? 0 : performance.now() - begun;
        ended = Math.max(ended, performance.now());
        running = false;
        if (dirty.size && !document.hidden) {
            soon();
        }
    }

    function soon() {
        if (stopped || running || timer !== null) {
            return;
        }
        // At most four times a second, and never for more than a quarter of the time: pages are the server's work.
        const gap = Math.max(document.hidden ? BETWEEN_HIDDEN : BETWEEN, 3 * took);
        timer = window.setTimeout(run, ended ? Math.max(0, ended + gap - performance.now()) : 0);
    }

    // Look at these kinds anew; at everything without any.
    durar.refresh = (kinds) => {
        (kinds || [ANY]).forEach((kind) => dirty.add(kind));
        soon();
    };

    function atOnce() {
        window.clearTimeout(timer);
        timer = null;
        ended = 0;
        durar.refresh();
    }

    // The socket -------------------------------------------------------------------------------------------------

    let socket = null;
    let live = false;
    let attempts = 0;
    let retry = null;
    let unanswered = null;
    let impatient = null;

    function lost() {
        live = false;
        if (impatient === null && !stopped) {
            // A restart of the server takes a moment; nobody has to read of it.
            impatient = window.setTimeout(() => !live && !stopped && say("polling"), PATIENCE);
        }
    }

    function found() {
        if (failing) {
            // The socket lives, but pages were not answered: that is not live until one is.
            atOnce();
            return;
        }
        window.clearTimeout(impatient);
        impatient = null;
        attempts = 0;
        if (!live) {
            live = true;
            say("live");
            // Something may have changed between the page and now.
            atOnce();
        }
    }

    function again() {
        const wait = Math.min(LONGEST_WAIT, 500 * 2 ** attempts) * (0.75 + Math.random() / 2);
        attempts += 1;
        window.clearTimeout(retry);
        retry = window.setTimeout(connect, wait);
    }

    function ping() {
        if (socket && socket.readyState === WebSocket.OPEN && unanswered === null) {
            const asked = socket;
            asked.send('{"type": "ping"}');
            unanswered = window.setTimeout(() => {
                // Closing a dead connection in order takes long: it is left to itself.
                unanswered = socket = null;
                asked.close();
                lost();
                again();
            }, PONG);
        }
    }

    function answered() {
        window.clearTimeout(unanswered);
        unanswered = null;
    }

    function hear(message) {
        if (message.type === "changed") {
            durar.refresh(message.changes.map((change) => change.kind));
        } else if (message.type === "catch_up") {
            durar.refresh();
        } else if (message.type === "pong") {
            answered();
            found();
        } else if (message.type === "away") {
            answered();
            lost();
        }
    }

    function connect() {
        window.clearTimeout(retry);
        retry = null;
        if (stopped || (socket && socket.readyState <= WebSocket.OPEN)) {
            return;
        }
        const scheme = window.location.protocol === "https:" ? "wss:" : "ws:";
        const mine = new WebSocket(`${scheme}//${window.location.host}${SOCKET}`);
        socket = mine;
        mine.addEventListener("open", ping);
        mine.addEventListener("message", (event) => hear(JSON.parse(event.data)));
        mine.addEventListener("close", (event) => {
            if (mine !== socket) {
                return;
            }
            answered();
            if (event.code === SIGNED_OUT || event.code === NO_RIGHTS) {
                stop(event.code === SIGNED_OUT ? "signedout" : "norights");
                return;
            }
            lost();
            again();
        });
    }

    function wake() {
        if (document.hidden || stopped) {
            return;
        }
        // Timers and sockets of a page that slept tell nothing: look, and try the socket out.
        attempts = 0;
        connect();
        ping();
        atOnce();
    }

    function start() {
        if (!document.getElementById("nav-sidebar-apps") || document.body.classList.contains("popup")) {
            return; // nobody is signed in, or it is a small window of another page
        }
        for (const element of document.querySelectorAll("[data-live]")) {
            regions.set(element.dataset.liveRegion, durar.adopt(element));
        }
        say("connecting");
        lost();
        connect();
        window.setInterval(ping, PING);
        window.setInterval(() => !live && !document.hidden && durar.refresh(), POLL);
        document.addEventListener("visibilitychange", wake);
        // Browsers freeze tabs that were not looked at for long, with all their timers.
        document.addEventListener("resume", wake);
        window.addEventListener("online", wake);
        window.addEventListener("offline", ping);
        window.addEventListener("pageshow", (event) => event.persisted && wake());
        window.addEventListener("pagehide", () => socket && socket.close());
    }

    // After the page is read and before any other script changes it: that is the server's version.
    document.addEventListener("readystatechange", () => document.readyState === "interactive" && start());
})();
