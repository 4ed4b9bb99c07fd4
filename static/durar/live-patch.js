// Brings a part of the page up to what the server shows now, and leaves alone whatever did not change there.
//
// Three versions are compared: what the server sent before, what it sends now, and the page, in which people and scripts
// have meanwhile ticked, opened, focused and wrapped things. Only differences between the first two are carried over.
(() => {
    "use strict";
    const durar = (window.durar = window.durar || {});

    // From a node of the server's last version to the page's own.
    const shown = new WeakMap();
    // What people fill in is theirs.
    const FILLED_IN = new Set(["INPUT", "SELECT", "TEXTAREA", "OPTION"]);
    const ROWS = new Set(["TBODY", "TR", "LI", "SECTION", "ARTICLE"]);

    function pair(base, node) {
        shown.set(base, node);
        base.childNodes.forEach((child, index) => pair(child, node.childNodes[index]));
        return base;
    }

    // The server's version of a part of the page. Has to be called before any script changes that part.
    durar.adopt = (node) => pair(node.cloneNode(true), node);

    // Nodes with equal marks stand for the same thing, so one is turned into the other.
    function mark(node) {
        if (node.nodeType !== Node.ELEMENT_NODE) {
            return node.nodeName;
        }
        const name = node.id || node.dataset.key || node.getAttribute("aria-labelledby");
        if (name) {
            return `${node.nodeName}#${name}`;
        }
        if (ROWS.has(node.nodeName)) {
            const box = node.querySelector("input.action-select");
            const links = node.querySelectorAll("a[href], button[formaction]");
            const own = box
                ? box.value
                : Array.from(links, (one) => one.getAttribute("href") || one.getAttribute("formaction")).join(" ");
            return `${node.nodeName}=${own}`;
        }
        return `${node.nodeName}.${node.classList[0] || ""}`;
    }

    function patchAttributes(base, next, node) {
        for (const { name } of Array.from(base.attributes)) {
            if (!next.hasAttribute(name)) {
                base.removeAttribute(name);
                node.removeAttribute(name);
            }
        }
        for (const { name, value } of Array.from(next.attributes)) {
            if (base.getAttribute(name) === value) {
                continue;
            }
            if (name === "class") {
                node.classList.remove(...base.classList);
                node.classList.add(...next.classList);
            } else {
                node.setAttribute(name, value);
            }
            base.setAttribute(name, value);
        }
    }

    // Each child of the new version with the old one that it continues, if there is one; and the old ones left over.
    function match(base, next) {
        const waiting = new Map();
        for (const old of base.childNodes) {
            const key = mark(old);
            waiting.set(key, [...(waiting.get(key) || []), old]);
        }
        const pairs = Array.from(next.childNodes, (kid) => [kid, (waiting.get(mark(kid)) || []).shift()]);
        return [pairs, Array.from(waiting.values()).flat()];
    }

    function follows(node, before, ours) {
        let previous = node.previousSibling;
        while (previous && !ours.has(previous)) {
            previous = previous.previousSibling;
        }
        return previous === before;
    }

    function patchChildren(base, next, parent) {
        const [pairs, leftOver] = match(base, next);
        for (const old of leftOver) {
            shown.get(old).remove();
            old.remove();
        }
        const ours = new Set();
        const order = pairs.map(([kid, old]) => {
            if (old) {
                patch(old, kid);
            }
            const made = old || pair(kid.cloneNode(true), document.importNode(kid, true));
            const node = shown.get(made);
            if (!old && ROWS.has(node.nodeName)) {
                node.classList.add("du-new");
            }
            base.append(made);
            ours.add(node);
            return node;
        });
        let before = null;
        for (const node of order) {
            // Not moved without need: a node that is moved loses the focus.
            if (!node.parentNode || !follows(node, before, ours)) {
                if (before) {
                    before.after(node);
                } else {
                    const first = order.find((one) => one.parentNode);
                    (first ? first.parentNode : parent).prepend(node);
                }
            }
            before = node;
        }
    }

    function patch(base, next) {
        if (base.isEqualNode(next)) {
            return;
        }
        const node = shown.get(base);
        if (base.nodeType !== Node.ELEMENT_NODE) {
            base.data = node.data = next.data;
        } else if (!FILLED_IN.has(base.nodeName)) {
            patchAttributes(base, next, node);
            patchChildren(base, next, node);
        }
    }

    // Turn the page's part, whose version by the server is `base`, into `next`.
    durar.patch = (base, next) => {
        const node = shown.get(base);
        const hadFocus = node.contains(document.activeElement);
        patch(base, next);
        if (hadFocus && !node.contains(document.activeElement)) {
            // What was focused is gone: who works with the keyboard goes on from here, not from the page's beginning.
            node.tabIndex = -1;
            node.focus({ preventScroll: true });
        }
    };
})();
