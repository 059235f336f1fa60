// The live overview: samples by server-sent events, drawn as lines. It keeps 15 minutes and no more, rests while
// nobody sees it, and comes back by itself.
"use strict";

(() => {
  const MOST = 900;
  const HEIGHT = 100;
  const AGAIN_MS = 5000;
  const NO_VALUE = "–";
  const SPANS = [[180, ["3 min ago", "2", "1"]], [360, ["6 min ago", "4", "2"]], [MOST, ["15 min ago", "10", "5"]]];
  const root = document.getElementById("plots");
  const live = document.getElementById("live");
  const liveWords = document.getElementById("live-words");
  const amiss = document.getElementById("amiss");
  const bars = document.getElementById("bars");
  let source = null;
  let again = 0;
  let amissShown = null;
  let barNames = "";
  const at = [];

  // As plots.py writes them.
  const trimmed = (value) => value.toFixed(1).replace(/\.0$/, "");
  const span = (seconds) => {
    if (seconds < 10) return `${trimmed(seconds)} s`;
    if (seconds < 120) return `${seconds.toFixed(0)} s`;
    if (seconds < 7200) return `${(seconds / 60).toFixed(0)} min`;
    return `${trimmed(seconds / 3600)} h`;
  };
  const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
  const thousands = new Intl.NumberFormat("en-US", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  const written = (value, unit) => {
    if (value === null || value === undefined) return NO_VALUE;
    if (unit === "seconds") return span(value);
    if (value >= 10000) return `${thousands.format(value / 1000)}k`;
    if (unit === "rate" && value < 10) return trimmed(value);
    return whole.format(value);
  };
  const ceiling = (value) => {
    for (let power = 1; ; power *= 10) {
      for (const step of [1, 2, 5]) if (value <= step * power) return step * power;
    }
  };
  const mean = (values) => {
    const known = values.filter((value) => value !== null);
    return known.length ? known.reduce((sum, value) => sum + value, 0) / known.length : null;
  };

  class Plot {
    constructor(figure) {
      this.key = figure.dataset.plot;
      this.unit = figure.dataset.unit;
      this.values = [...figure.querySelectorAll(".legend .value")];
      this.lines = [...figure.querySelectorAll("path.line")];
      this.scale = [...figure.querySelectorAll(".scale span")];
      this.cursor = figure.querySelector("path.at");
      this.times = [...figure.querySelectorAll(".times span")];
      this.span = MOST;
      this.details = figure.querySelector("details");
      this.series = this.values.map(() => []);
      this.place = null;
      this.tabled = 0;
      const svg = figure.querySelector("svg");
      this.svg = svg;
      svg.addEventListener("pointermove", (event) => {
        const box = svg.getBoundingClientRect();
        const place = at.length - this.span + Math.round(((event.clientX - box.left) / box.width) * this.span);
        this.place = place >= 0 && place < at.length ? place : null;
        this.tell();
      });
      svg.addEventListener("pointerleave", () => {
        this.place = null;
        this.tell();
      });
      this.details.addEventListener("toggle", () => this.table());
    }

    fill(columns) {
      this.series = this.values.map((_, place) => (columns[place] || []).slice(-MOST));
    }

    add(values) {
      this.series.forEach((series, place) => {
        series.push(values[place] ?? null);
        if (series.length > MOST) series.splice(0, series.length - MOST);
      });
    }

    draw() {
      let most = 0;
      for (const series of this.series) for (const value of series) if (value > most) most = value;
      const top = ceiling(most);
      const [span, times] = SPANS.find((shown) => at.length <= shown[0]) || SPANS[SPANS.length - 1];
      if (span !== this.span) {
        this.span = span;
        this.svg.setAttribute("viewBox", `0 0 ${span} ${HEIGHT}`);
        times.forEach((words, place) => {
          this.times[place].textContent = words;
        });
      }
      this.scale.forEach((label, place) => {
        label.textContent = written(top * [1, 0.5, 0][place], this.unit === "count" ? "rate" : this.unit);
      });
      this.series.forEach((series, number) => {
        const parts = [];
        let down = false;
        series.forEach((value, place) => {
          if (value === null) {
            down = false;
            return;
          }
          parts.push(`${down ? "L" : "M"}${span - series.length + place} ${(HEIGHT - (value / top) * HEIGHT).toFixed(1)}`);
          down = true;
        });
        this.lines[number].setAttribute("d", parts.join(""));
      });
      this.tell();
      if (this.details.open && Date.now() - this.tabled > 60000) this.table();
    }

    tell() {
      const pointed = this.place !== null;
      this.series.forEach((series, number) => {
        const value = pointed ? series[this.place] : series[series.length - 1];
        this.values[number].textContent = written(value, this.unit);
      });
      this.cursor.setAttribute("d", pointed ? `M${this.span - at.length + this.place} 0V${HEIGHT}` : "");
      this.times[this.times.length - 1].textContent = pointed ? new Date(at[this.place] * 1000).toLocaleTimeString() : "now";
    }

    table() {
      if (!this.details.open) return;
      this.tabled = Date.now();
      const count = this.series.length ? this.series[0].length : 0;
      const rows = [];
      for (let ago = 0; ago < count; ago += 60) {
        const row = document.createElement("tr");
        const head = document.createElement("th");
        head.scope = "row";
        head.textContent = String(ago / 60);
        row.append(head);
        for (const series of this.series) {
          const cell = document.createElement("td");
          cell.className = "number";
          cell.textContent = written(mean(series.slice(Math.max(0, count - ago - 60), count - ago)), this.unit);
          row.append(cell);
        }
        rows.push(row);
      }
      this.details.querySelector("tbody").replaceChildren(...rows);
    }
  }

  const plots = [...root.querySelectorAll("[data-plot]")].map((figure) => new Plot(figure));

  const TONES = { bound: "good", paused: "warn", connecting: "warn", binding: "warn", leaving: "warn" };
  const drawBars = (found) => {
    const names = found.map((bar) => bar[0]).join("\n");
    if (names !== barNames) {
      // Rows are made once for the same binds, and changed after that.
      barNames = names;
      const row = bars.querySelector("tr");
      if (!row && found.length) location.reload();
      if (row) bars.replaceChildren(...found.map(() => row.cloneNode(true)));
    }
    found.forEach(([name, state, inFlight, limit, most], place) => {
      const row = bars.children[place];
      if (!row) return;
      row.children[0].textContent = name;
      const badge = row.children[1].firstElementChild;
      badge.textContent = state;
      badge.className = `badge ${TONES[state] || "bad"}`;
      row.querySelector(".limit").setAttribute("width", most ? (100 * limit) / most : 0);
      row.querySelector(".used").setAttribute("width", most ? (100 * inFlight) / most : 0);
      row.children[3].textContent = `${inFlight} of ${limit}`;
    });
  };

  const drawAmiss = (html) => {
    if (html === amissShown) return;
    amissShown = html;
    // Made and escaped by the gateway's own template; scripts in it would not run.
    const parsed = new DOMParser().parseFromString(html, "text/html");
    amiss.replaceChildren(...parsed.body.childNodes);
    window.sluice.localTimes(amiss);
  };

  const around = (told) => {
    if (told.shape !== root.dataset.shape) {
      location.reload();
      return;
    }
    drawBars(told.bars);
    drawAmiss(told.amiss);
    for (const plot of plots) plot.draw();
    live.dataset.state = "on";
    liveWords.textContent = "Live";
  };

  const stop = () => {
    clearTimeout(again);
    if (source) source.close();
    source = null;
  };

  const lost = () => {
    live.dataset.state = "lost";
    liveWords.textContent = "Not live: the gateway does not answer, or you are signed out";
  };

  const start = () => {
    stop();
    source = new EventSource(root.dataset.live);
    source.addEventListener("history", (event) => {
      const told = JSON.parse(event.data);
      at.splice(0, at.length, ...told.at.slice(-MOST));
      for (const plot of plots) plot.fill(told.plots[plot.key] || []);
      around(told);
    });
    source.addEventListener("sample", (event) => {
      const told = JSON.parse(event.data);
      at.push(told.at);
      if (at.length > MOST) at.splice(0, at.length - MOST);
      for (const plot of plots) plot.add(told.plots[plot.key]);
      around(told);
    });
    source.addEventListener("error", () => {
      lost();
      // Refused (signed out, too many): the browser gives up, so ask again in a while.
      if (source && source.readyState === EventSource.CLOSED) again = setTimeout(start, AGAIN_MS);
    });
  };

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      stop();
      live.dataset.state = "off";
      liveWords.textContent = "Resting";
    } else {
      start();
    }
  });
  window.addEventListener("pagehide", stop);
  if (!document.hidden) start();
})();
