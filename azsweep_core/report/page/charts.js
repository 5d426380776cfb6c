// Draws the views: each when it comes into sight, again when what it shows has changed; points at trials and opens them.

const CONFIG = {
  displaylogo: false, showTips: false, topojsonURL: "", plotlyServerURL: "", showLink: false,
  showEditInChartStudio: false, showSendToCloud: false, sendData: false, doubleClickDelay: 400,
  modeBarButtonsToRemove: ["select2d", "lasso2d", "zoomIn2d", "zoomOut2d", "autoScale2d", "hoverClosestCartesian",
    "hoverCompareCartesian", "toggleSpikelines", "resetCameraLastSave3d", "hoverClosest3d", "tableRotation", "orbitRotation"],
};

const NO_WEBGL = "This view needs WebGL, which this browser does not offer or has switched off. The table holds the same.";

/** A titled view. `figure()` says {data, layout, words, note} for plotly, or {empty} where there is nothing to draw. */
class Chart {
  #isStale = true;
  #isInSight = false;

  constructor(id, { figure, depends, height = 320, onSelect = null }) {
    Object.assign(this, { id, figure, depends, height, onSelect });
    const section = document.getElementById(id);
    this.box = element("div", { class: "chart", style: `min-height:${height}px` });
    this.note = element("p", { class: "note" });
    section.append(this.box, this.note);
  }

  get isDue() {
    return this.#isStale && this.#isInSight;
  }

  stale() {
    this.#isStale = true;
    delete this.box.dataset.drawn;
  }

  seen(isInSight) {
    this.#isInSight = isInSight;
  }

  /** Takes the width of its box, which the panel and the window change. */
  fit() {
    if (this.plot?.layout) Plotly.Plots.resize(this.plot).catch(() => {}); // refused while nothing of it is seen
  }

  async draw() {
    this.#isStale = false;
    let note;
    try {
      note = await this.#show(this.figure());
    } catch (error) {
      console.error(error);
      this.#clear(`This view could not be drawn: ${error}`);
    }
    this.note.textContent = (this.plot && note) || "";
    this.box.dataset.drawn = this.plot ? "chart" : "empty";
  }

  async #show(figure) {
    if (figure.empty) {
      this.#clear(figure.empty);
    } else {
      if (typeof Plotly === "undefined") await loadPlotly();
      this.plot ??= this.#newPlot();
      this.plot.setAttribute("aria-label", figure.words);
      const height = figure.height ?? this.height;
      this.plot.style.height = `${height}px`;
      await Plotly.react(this.plot, figure.data, { ...figure.layout, height, uirevision: axesChosen() }, CONFIG);
      if (this.plot.querySelector(".no-webgl")) this.#clear(NO_WEBGL); // plotly's own sign, which sends one to a web page
      else this.#listen();
    }
    return figure.note;
  }

  #newPlot() {
    const plot = element("div", { class: "plot", role: "figure" });
    this.box.replaceChildren(plot);
    return plot;
  }

  #clear(words) {
    if (this.plot) Plotly.purge(this.plot);
    this.box.style.minHeight = 0;
    this.box.replaceChildren(element("p", { class: "empty" }, words));
    this.plot = null;
    this.isListening = false;
  }

  #listen() {
    if (this.isListening) return;
    this.isListening = true;
    let pointed = null;
    this.plot.on("plotly_hover", ({ points }) => {
      pointed = points[0].customdata ?? null;
      tip.show(pointed);
    });
    this.plot.on("plotly_unhover", () => {
      pointed = null;
      tip.hide();
    });
    this.plot.addEventListener("pointermove", () => {
      if (pointed !== null && tip.box.hidden) tip.show(pointed); // scrolling had hidden it
    });
    if (this.onSelect) this.plot.on("plotly_selected", (selection) => selection && this.onSelect(selection));
    this.plot.addEventListener("click", () => {
      if (pointed !== null) view.set({ trial: pointed });
    });
  }
}

/** While these stay the same, plotly keeps what the reader has zoomed and turned. */
const axesChosen = () => ["log", "over", "by", "x", "y", "x3", "y3", "z3"].map((name) => view.get(name)).join("|");

const charts = [];

/** Plotly as a script of its own, which the page's policy knows by its digest. */
async function loadPlotly() {
  const script = element("script");
  script.textContent = await unpack("library");
  document.head.append(script);
  if (typeof Plotly === "undefined") throw new Error("plotly does not run in this browser");
}

/** Draws what is due, one chart at a time, so that the page answers in between; the first brings plotly in. */
const drawDue = (() => {
  let isDrawing = false;
  return async () => {
    if (isDrawing || !next()) return;
    isDrawing = true;
    try {
      for (let chart = next(); chart; chart = next()) {
        await chart.draw();
        await new Promise((resolve) => setTimeout(resolve));
      }
    } finally {
      isDrawing = false;
    }
  };
  function next() {
    return charts.find((chart) => chart.isDue);
  }
})();

function addChart(id, how) {
  const chart = new Chart(id, how);
  charts.push(chart);
  return chart;
}

function watchCharts() {
  const byBox = new Map(charts.map((chart) => [chart.box, chart]));
  const observer = new IntersectionObserver((entries) => {
    for (const entry of entries) byBox.get(entry.target).seen(entry.isIntersecting);
    drawDue();
  }, { rootMargin: "200px" });
  const widths = new Map();
  const sizes = new ResizeObserver((entries) => {
    for (const { target, contentRect: { width } } of entries) {
      if (widths.get(target) !== width) byBox.get(target).fit();
      widths.set(target, width);
    }
  });
  for (const chart of charts) {
    observer.observe(chart.box);
    sizes.observe(chart.box);
  }
  let timer;
  view.listen((names) => {
    for (const chart of charts) if (chart.depends.some((name) => names.has(name))) chart.stale();
    clearTimeout(timer);
    timer = setTimeout(drawDue, names.has("q") ? 200 : 0);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => view.set({ theme: view.get("theme") }));
}

/** What stands beside the pointer while it is on a trial. */
const tip = {
  box: document.getElementById("tip"),
  show(number) {
    const trial = number === null ? null : sweep.byNumber.get(number);
    if (!trial) return;
    const value = trial.value === null ? "no value" : `${printable(sweep.metric)} ${numberText(trial.value, 6)}`;
    const entries = Object.entries(trial.parameters);
    this.box.replaceChildren(
      element("strong", {}, `Trial ${trial.number}`), ` ${stateOf(trial.state).sign} ${stateOf(trial.state).words} · ${value}`,
      element("dl", {}, ...entries.slice(0, 12).flatMap(([key, one]) => [
        element("dt", {}, cut(printable(key), 40)), element("dd", {}, isolated(brief(one, 6, 60))),
      ])),
      ...(entries.length > 12 ? [`and ${entries.length - 12} more`] : []),
    );
    this.box.hidden = false;
    this.move();
  },
  hide() {
    this.box.hidden = true;
  },
  move() {
    const { x, y } = pointer;
    const { offsetWidth: width, offsetHeight: height } = this.box;
    const left = x + 16 + width > innerWidth ? Math.max(x - width - 12, 0) : x + 16;
    this.box.style.transform = `translate(${left}px, ${Math.max(Math.min(y + 12, innerHeight - height - 4), 0)}px)`;
  },
};
const pointer = { x: 0, y: 0 };
addEventListener("pointermove", (event) => {
  Object.assign(pointer, { x: event.clientX, y: event.clientY });
  if (!tip.box.hidden) tip.move();
}, { passive: true });
addEventListener("scroll", () => tip.hide(), { passive: true });
