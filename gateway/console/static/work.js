// Pages that are watched renew themselves: what has `data-fresh` is fetched again every few seconds and put in place.
// Nothing moves under anybody's hands: not while something in it has the focus, is open, marked or asked about.
"use strict";

(() => {
  const EVERY_MS = 5000;
  const here = () => [...document.querySelectorAll("[data-fresh]")];
  const title = document.querySelector("main h1");
  if (!here().length || !title) return;

  const label = document.createElement("label");
  const box = document.createElement("input");
  label.className = "choice renew";
  box.type = "checkbox";
  box.checked = sessionStorage.getItem("renew") !== "no";
  box.addEventListener("change", () => sessionStorage.setItem("renew", box.checked ? "yes" : "no"));
  label.append(box, "Renew every 5 s");
  (title.closest("header") || title).after(label);

  const isInUse = (part) =>
    part.contains(document.activeElement) ||
    part.querySelector("details[open], form[data-sent]") ||
    (!getSelection().isCollapsed && getSelection().containsNode(part, true));

  const renew = async () => {
    if (!box.checked || document.hidden || document.querySelector("dialog[open]")) return;
    const answer = await fetch(location.href, { cache: "no-store", headers: { "Sluice-Renews": "1" } });
    if (!answer.ok || answer.redirected) {
      box.checked = false;
      return;
    }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = [...page.querySelectorAll("[data-fresh]")];
    if (document.querySelector("dialog[open]")) return;
    here().forEach((part, place) => {
      if (fresh[place] && !isInUse(part)) part.replaceWith(document.importNode(fresh[place], true));
    });
    window.sluice.localTimes(document);
  };

  // A gateway that restarts is away for some seconds: the next turn finds it again.
  setInterval(() => renew().catch(() => {}), EVERY_MS);
})();
