// Puts the page together: first what is text, then plotly and the charts in sight.

let sweep;
let view;

function showTrouble(text) {
  const box = document.getElementById("trouble");
  box.hidden = false;
  box.className = "trouble";
  box.textContent = text;
}

function watchTheme() {
  const button = document.getElementById("theme");
  const show = () => {
    document.documentElement.dataset.theme = view.isDark ? "dark" : "light";
    button.setAttribute("aria-pressed", String(view.isDark));
  };
  show();
  button.addEventListener("click", () => view.set({ theme: view.isDark ? "light" : "dark" }));
  view.listen((names) => names.has("theme") && show());
}

function addCharts() {
  const all = ["q", "off", "theme", "trial"];
  addChart("metrics", { figure: metricsFigure, depends: [...all, "log", "over"] });
  addChart("history", { figure: historyFigure, depends: [...all, "log", "by"] });
  addChart("parallel", {
    figure: parallelFigure, depends: [...all, "log"], height: 380, onSelect: ({ range }) => range && filterByBox(range),
  });
  addChart("scatter2", { figure: scatter2Figure, depends: [...all, "log", "x", "y"], height: 380 });
  addChart("scatter3", { figure: scatter3Figure, depends: [...all, "log", "x3", "y3", "z3"], height: 380 });
  addChart("importances", { figure: importancesFigure, depends: ["theme"], height: 160 });
  addChart("timeline", { figure: timelineFigure, depends: ["q", "off", "theme"], height: 180 });
}

/** Settles once the page has been painted as it is. */
const painted = () => new Promise((resolve) => {
  requestAnimationFrame(() => setTimeout(resolve));
  setTimeout(resolve, 200); // a page in the background is not painted
});

async function main() {
  if (typeof DecompressionStream === "undefined") {
    showTrouble("This page needs a browser of 2023 or later. The same is in trials.csv and optimization_results.yaml beside it.");
    return;
  }
    sweep = new Sweep(parse(await unpack("data")));
  sweep.axes = new Map(sweep.parameters.map((one) => [one.key, parameterAxis(one, sweep.trials)]));
  view = new View(sweep);
  watchTheme(); // listens first: charts take their colours from what it sets
  showSummary();
  showToolbar();
  fillAxisSelects();
  for (const select of document.querySelectorAll("[data-view]")) {
    select.value = view.get(select.dataset.view);
    select.addEventListener("change", () => view.set({ [select.dataset.view]: select.value }));
  }
  document.getElementById("report").hidden = false;
  new Table();
  watchPanel();
  addCharts();
  watchSweep();
  await painted();
  watchCharts();
}

main().catch((error) => {
  showTrouble(`This page failed: ${error}`);
  throw error;
});
