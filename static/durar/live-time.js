// Times on the page go on: "3 min ago" becomes 4, and what ends is counted down.
(() => {
    "use strict";
    const durar = (window.durar = window.durar || {});
    const _ = window.gettext || ((text) => text);
    const word = (text, values) => text.replace(/%\((\w+)\)[sd]/g, (found, name) => values[name]);

    // Server minus browser, in milliseconds; nothing ticks before it is known, since clocks differ.
    let offset = null;

    durar.clockIs = (serverNow) => {
        offset = serverNow - Date.now();
    };

    // One unit, as the server writes it.
    function length(seconds) {
        if (seconds < 60) {
            return word(_("%(n)d s"), { n: Math.floor(seconds) });
        }
        if (seconds < 3600) {
            return word(_("%(n)d min"), { n: Math.floor(seconds / 60) });
        }
        if (seconds < 86400) {
            return word(_("%(n)d h"), { n: Math.floor(seconds / 3600) });
        }
        const days = Math.floor(seconds / 86400);
        const text = window.ngettext ? window.ngettext("%(n)d day", "%(n)d days", days) : days === 1 ? "%(n)d day" : "%(n)d days";
        return word(text, { n: days });
    }

    function relative(seconds) {
        if (Math.abs(seconds) < 5) {
            return _("just now");
        }
        const text = seconds > 0 ? _("%(time)s ago") : _("in %(time)s");
        return word(text, { time: length(Math.abs(seconds)) });
    }

    function countdown(seconds) {
        if (seconds <= 0) {
            return _("over");
        }
        if (seconds >= 3600) {
            return length(seconds);
        }
        return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
    }

    // The text node stays the same one: whoever brings the page up to date knows it.
    function say(time, text) {
        if (time.childNodes.length === 1 && time.firstChild.nodeType === Node.TEXT_NODE) {
            time.firstChild.data = text;
        } else {
            time.textContent = text;
        }
    }

    function tick() {
        if (offset === null || document.hidden) {
            return;
        }
        const now = Date.now() + offset;
        for (const time of document.querySelectorAll("time.du-time[datetime]")) {
            const at = Date.parse(time.dateTime);
            const ends = time.hasAttribute("data-countdown");
            const text = ends ? countdown((at - now) / 1000) : relative((now - at) / 1000);
            if (time.textContent !== text) {
                say(time, text);
                if (ends && at <= now && durar.refresh) {
                    durar.refresh();
                }
            }
        }
    }

    window.setInterval(tick, 1000);
    durar.tick = tick;
})();
