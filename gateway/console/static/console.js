// What every page does beyond HTML: questions before what can't be undone, times in the zone of who looks, the menu.
// All of it works without: forms go straight, times are in UTC.
"use strict";

(() => {
  const dialog = document.getElementById("confirm");
  let asked = null;

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.dataset.confirm || form.dataset.said) return;
    event.preventDefault();
    asked = form;
    document.getElementById("confirm-words").textContent = form.dataset.confirm;
    const yes = document.getElementById("confirm-yes");
    yes.textContent = form.dataset.yes || "Yes";
    yes.className = form.dataset.danger ? "danger" : "primary";
    dialog.returnValue = "no";
    dialog.showModal();
  });

  dialog.addEventListener("close", () => {
    if (dialog.returnValue === "yes" && asked) {
      asked.dataset.said = "1";
      asked.requestSubmit();
    }
    asked = null;
  });

  // A form that is on its way is not sent a second time by a double click.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post") return;
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "1";
  });
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) {
      delete form.dataset.sent;
      delete form.dataset.said;
    }
  });

  const day = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "medium" });
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
  const isUtc = /^(Etc\/)?(UTC|UCT|Universal|Zulu)$/.test(zone);
  const shortZone = isUtc ? "UTC" : `${zone.split("/").pop().replaceAll("_", " ")} time`;
  const localTimes = (root) => {
    for (const name of root.querySelectorAll("[data-zone-name]")) name.textContent = isUtc ? "UTC" : zone;
    for (const name of root.querySelectorAll("[data-zone-short]")) name.textContent = shortZone;
    for (const time of root.querySelectorAll("time[datetime]:not([data-local])")) {
      const at = new Date(time.dateTime);
      if (Number.isNaN(at.getTime())) continue;
      time.title = time.textContent;
      time.textContent = "zoned" in time.dataset ? `${day.format(at)} ${shortZone}` : day.format(at);
      time.dataset.local = "1";
    }
  };
  localTimes(document);
  window.sluice = { localTimes, day, zone, shortZone };

  // What was searched is nobody else's: messages.js keeps it for the way back.
  const out = document.querySelector('form[action="/console/sign-out"]');
  if (out) out.addEventListener("submit", () => sessionStorage.removeItem("search"));

  const here = document.querySelector('header.top nav [aria-current="page"]');
  if (here && here.closest("nav").scrollWidth > here.closest("nav").clientWidth) {
    here.closest("nav").scrollLeft = here.offsetLeft - 24;
  }
})();
