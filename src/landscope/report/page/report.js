// Draws each panel when it comes near, and lets the legend's buttons switch runs.
"use strict";
(() => {
  const TWELFTH = 102; // pixels of a row for each twelfth of a figure's width, on a wide page
  const twins = JSON.parse(document.getElementById("dark-twins").textContent);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const touch = window.matchMedia("(pointer: coarse)").matches;
  const config = {
    displaylogo: false,
    responsive: true,
    displayModeBar: false,
  };

  // The colours in the plots are those of a white page; each has a twin for a dark one.
  const inScheme = (value) => {
    if (typeof value === "string") {
      return dark.matches && Object.hasOwn(twins, value) ? twins[value] : value;
    }
    if (Array.isArray(value)) {
      return typeof value.at(-1) === "number" ? value : value.map(inScheme);
    }
    if (value !== null && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, inScheme(part)]));
    }
    return value;
  };

  const element = (kind, className, text) => {
    const made = document.createElement(kind);
    made.className = className;
    made.textContent = text;
    return made;
  };

  class Panel {
    constructor(figure, description) {
      this.figure = figure;
      this.plot = description.plot;
      this.drawn = false;
      this.element = element("div", `panel ${description.kind}`, "");
      this.element.style.setProperty("--row", description.row);
      this.element.style.setProperty("--column", description.column);
      this.element.append(element("p", "panel-title", description.title));
      if (description.notes) {
        this.element.append(element("p", "panel-notes", description.notes));
      }
      this.place = element("div", "plot", "");
      this.place.setAttribute("role", "img");
      this.place.setAttribute("aria-label", `Plot: ${description.title}`);
      this.element.append(this.place);
    }

    async draw() {
      const { data, layout } = inScheme(this.plot);
      for (const trace of data) {
        trace.visible = !this.figure.hidden.has(trace.meta);
      }
      layout.dragmode = touch ? false : "zoom";
      try {
        await Plotly.react(this.place, data, layout, config);
        this.drawn = true;
        this.place.dataset.drawn = "true";
      } catch (error) {
        // The still picture says the same.
        this.figure.element.classList.add("failed");
        throw error;
      }
    }

    async update(key) {
      const traces = this.plot.data.flatMap((trace, at) => (trace.meta === key ? [at] : []));
      if (this.drawn && traces.length) {
        await Plotly.restyle(this.place, { visible: !this.figure.hidden.has(key) }, traces);
      }
    }
  }

  class Figure {
    constructor(section) {
      this.element = section;
      this.hidden = new Set();
      const grid = section.querySelector(".panels");
      grid.style.setProperty("--columns", grid.dataset.columns);
      grid.style.setProperty("--row-height", `${grid.dataset.rowHeight * TWELFTH}px`);
      const descriptions = JSON.parse(section.querySelector(".plots").textContent);
      this.panels = descriptions.map((description) => new Panel(this, description));
      grid.append(...this.panels.map((panel) => panel.element));
      for (const button of section.querySelectorAll(".legend button")) {
        button.addEventListener("click", () => this.toggle(button));
      }
    }

    toggle(button) {
      const key = button.dataset.key;
      const shown = !this.hidden.delete(key);
      if (shown) {
        this.hidden.add(key);
      }
      button.setAttribute("aria-pressed", String(!shown));
      this.panels.forEach((panel) => panel.update(key));
    }
  }

  const figures = [...document.querySelectorAll(".figure")].map((section) => new Figure(section));
  const panels = new Map(
    figures.flatMap((figure) => figure.panels.map((panel) => [panel.element, panel])),
  );

  // One panel a frame, so that scrolling stays smooth.
  const waiting = [];
  const drawNext = async () => {
    await waiting[0].draw();
    waiting.shift();
    if (waiting.length) {
      requestAnimationFrame(drawNext);
    }
  };
  const observer = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        if (entry.isIntersecting) {
          observer.unobserve(entry.target);
          if (waiting.push(panels.get(entry.target)) === 1) {
            requestAnimationFrame(drawNext);
          }
        }
      }
    },
    { rootMargin: "500px 0px" },
  );
  for (const panel of panels.keys()) {
    observer.observe(panel);
  }
  dark.addEventListener("change", () => {
    for (const panel of panels.values()) {
      if (panel.drawn) {
        panel.draw();
      }
    }
  });
})();
