// The search for messages: says which time zone the visitor is in, so that "today" is theirs; and times within
// sentences by their clocks. Without it, all is UTC.
"use strict";

(() => {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
  for (const field of document.querySelectorAll("input[data-zone]")) field.value = zone;
  for (const name of document.querySelectorAll("[data-zone-name]")) name.textContent = zone;

  // Times typed in and sent by Enter count, whatever was picked before.
  for (const time of document.querySelectorAll("input[data-span]")) {
    time.addEventListener("input", () => {
      document.querySelector("input[data-when]").value = "between";
    });
  }

  for (const told of document.querySelectorAll("[data-utc] bdi")) {
    told.textContent = told.textContent.replace(/(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) UTC/g, (all, date, time) => {
      const at = new Date(`${date}T${time}Z`);
      return Number.isNaN(at.getTime()) ? all : window.sluice.day.format(at);
    });
  }
})();
