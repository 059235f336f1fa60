// The search for messages: says which time zone the visitor is in, so that "today" is theirs, asks for no more than was
// filled in, and is come back to from a message; and times within sentences by their clocks. Without it, all is UTC.
"use strict";

(() => {
  const { day, zone, shortZone } = window.sluice;
  for (const field of document.querySelectorAll("input[data-zone]")) field.value = zone;

  // Times typed in and sent by Enter count, whatever was picked before.
  for (const time of document.querySelectorAll("input[data-span]")) {
    time.addEventListener("input", () => {
      document.querySelector("input[data-when]").value = "between";
    });
  }

  const search = document.querySelector("main form[role=search]");
  if (search) {
    window.addEventListener("pageshow", () => sessionStorage.setItem("search", location.search));
    search.addEventListener("formdata", ({ formData: given }) => {
      // A pick by its button stands before the one that was in force.
      const when = given.get("when");
      if (when) given.set("when", when);
      if (when !== "between") for (const name of ["after", "before"]) given.delete(name);
      if (!when || when === "any") for (const name of ["when", "zone"]) given.delete(name);
      for (const [name, value] of [...given]) if (!value) given.delete(name);
    });
  }

  // No page is told by the browser which one led to it (Referrer-Policy): the tab remembers.
  const back = document.querySelector("a[data-back]");
  if (back) back.search = sessionStorage.getItem("search") || "";

  for (const told of document.querySelectorAll("[data-utc] bdi")) {
    told.textContent = told.textContent.replace(/(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) UTC/g, (all, date, time) => {
      const at = new Date(`${date}T${time}Z`);
      return Number.isNaN(at.getTime()) ? all : `${day.format(at)} ${shortZone}`;
    });
  }
})();
