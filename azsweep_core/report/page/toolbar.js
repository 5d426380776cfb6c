// What chooses trials for charts and table alike: words, states; and the colours that the charts share.

function showToolbar() {
  const filter = document.getElementById("filter");
  filter.value = view.get("q");
  filter.addEventListener("input", () => view.set({ q: filter.value.trim(), page: "" }));
  document.getElementById("toolbar").addEventListener("submit", (event) => event.preventDefault());
  showStates();
  const log = document.getElementById("log");
  document.getElementById("log-label").hidden = !sweep.canLog;
  log.checked = view.log;
  log.addEventListener("change", () => view.set({ log: log.checked ? "1" : "0" }));
  showShown();
  showShades();
  view.listen((names) => {
    if (names.has("q") || names.has("off")) showShown();
    if (names.has("log") || names.has("theme")) showShades();
  });
}

function setFilter(query) {
  document.getElementById("filter").value = query;
  view.set({ q: query, page: "" });
}

function showStates() {
  const counts = new Map();
  for (const { state } of sweep.trials) counts.set(state, (counts.get(state) ?? 0) + 1);
  const order = Object.keys(STATES);
  const states = [...counts.keys()].sort((a, b) => order.indexOf(a) - order.indexOf(b));
  const box = document.getElementById("states");
  box.hidden = states.length === 0;
  for (const state of states) {
    const input = element("input", { type: "checkbox", value: state });
    input.checked = !view.off.has(state);
    input.addEventListener("change", () => {
      const off = view.off;
      if (input.checked) off.delete(state);
      else off.add(state);
      view.set({ off: [...off].join(","), page: "" });
    });
    box.append(element("label", {}, input, badge(state), element("span", { class: "count" }, String(counts.get(state)))));
  }
}

function showShown() {
  document.getElementById("filter-trouble").textContent = filterTroubles(view.get("q"), sweep).join(" ");
  document.getElementById("shown").textContent = view.isFiltered
    ? `${view.shown.length} of ${plural(sweep.trials.length, "trial")}`
    : "";
}

/** The one colour bar: from the best value to the worst. */
function showShades() {
  const box = document.getElementById("shades");
  box.hidden = sweep.values[0] === sweep.values.at(-1);
  if (box.hidden) return;
  const last = view.log || !sweep.hasOutliers ? numberText(sweep.values.at(-1), 3) : `${sweep.sign > 0 ? ">" : "<"} ${numberText(sweep.lastShade, 3)}`;
  const bar = element("span", { class: "bar", "aria-hidden": "true" });
  bar.style.background = `linear-gradient(to right, ${shades(view.isDark).join(", ")})`;
  box.replaceChildren(
    element("span", { class: "unseen" }, "Colours of charts: from "), isolated(printable(cut(sweep.metric, 24))),
    element("span", {}, numberText(sweep.values[0], 3)), bar, element("span", {}, last),
  );
}
