// Rows that came into a list while it was open can be ticked like the others: the admin's own script knows only those
// that were there from the beginning.
(() => {
    "use strict";

    const boxes = () => Array.from(document.querySelectorAll("#result_list input.action-select"));

    function recount() {
        const counter = document.querySelector("span.action-counter");
        const all = document.getElementById("action-toggle");
        if (!counter || !all || !window.ngettext) {
            return;
        }
        const ticked = boxes().filter((box) => box.checked).length;
        counter.dataset.actionsIcnt = boxes().length;
        const text = window.ngettext("%(sel)s of %(cnt)s selected", "%(sel)s of %(cnt)s selected", ticked);
        counter.textContent = window.interpolate(text, { sel: ticked, cnt: boxes().length }, true);
        all.checked = ticked > 0 && ticked === boxes().length;
    }

    document.addEventListener("change", (event) => {
        if (event.target.matches?.("#result_list input.action-select")) {
            event.target.closest("tr").classList.toggle("selected", event.target.checked);
            recount();
        }
    });
    document.addEventListener("click", (event) => {
        if (event.target.id === "action-toggle") {
            for (const box of boxes()) {
                box.checked = event.target.checked;
                box.closest("tr").classList.toggle("selected", box.checked);
            }
            recount();
        }
    });
    document.addEventListener("durar:patched", recount);
})();
