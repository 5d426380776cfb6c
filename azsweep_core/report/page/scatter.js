// 2-D and 3-D scatter: chosen parameters, coloured by the metric, the state as the marker.

const MARKERS_3D = { circle: "circle", x: "cross", "triangle-up": "diamond-open", square: "square", diamond: "diamond", "circle-open": "circle-open" };

/** The axes that the reader has chosen under `names`; else those that matter most, each once. */
function chosenAxes(names) {
  const axes = axesOf(sweep, view.log);
  const order = axesByImportance(sweep, axes);
  const chosen = names.map((name) => axes.find((axis) => axis.key === view.get(name)));
  return chosen.map((axis) => {
    if (axis) return axis;
    const free = order.find((one) => !chosen.includes(one));
    chosen.push(free);
    return free;
  });
}

function fillAxisSelects() {
  for (const names of [["x", "y"], ["x3", "y3", "z3"]]) {
    const chosen = chosenAxes(names);
    names.forEach((name, i) => {
      const select = document.querySelector(`[data-axis="${name}"]`);
      select.replaceChildren(...axesOf(sweep, view.log).map((axis) => (
        element("option", { value: axis.key, selected: axis === chosen[i] || axis.key === chosen[i]?.key }, cut(printable(axis.name), 60))
      )));
      select.onchange = () => view.set({ [name]: select.value });
    });
  }
}

function scatterFigure(names, draw) {
  const axes = chosenAxes(names);
  if (axes.some((axis) => !axis)) return { empty: "There are too few parameters." };
  const trials = view.shown.filter((trial) => axes.every((axis) => axis.place(trial) !== null));
  if (!trials.length) return { empty: sweep.trials.length ? "No trial here has all of these." : "No trial yet." };
  const lacking = view.shown.length - trials.length;
  const valueless = trials.filter((trial) => trial.value === null).length;
  return {
    ...draw(axes, trials),
    words: `${plural(trials.length, "trial")} by ${axes.map((axis) => axis.name).join(", ")}, coloured by ${sweep.metric}.`,
    note: [
      axes.some((axis) => axis.kind === "category") && "Trials of one choice are spread a little, so that all can be seen.",
      valueless && `Grey: ${plural(valueless, "trial")} without a value.`, lacking && `${plural(lacking, "trial")} without one of these not drawn.`,
    ].filter(Boolean).join(" "),
  };
}

/** Trials of one category beside each other instead of on top; always at the same place. */
function spread(axis, trial, salt) {
  const place = axis.kind === "log" ? axis.read(trial) : axis.place(trial);
  if (axis.kind !== "category") return typeof place === "bigint" ? Number(place) : place;
  return place + (((trial.number * 0.618034 + salt * 0.37) % 1) - 0.5) * 0.35;
}

function scatter2Figure() {
  return scatterFigure(["x", "y"], (axes, trials) => ({
    data: [...byState(trials).map(([state, some]) => ({
      type: "scatter", mode: "markers", hoverinfo: "none", customdata: some.map((trial) => trial.number),
      x: some.map((trial) => spread(axes[0], trial, 0)), y: some.map((trial) => spread(axes[1], trial, 1)),
      marker: { ...shaded(some), symbol: stateOf(state).symbol, size: trials.length > 500 ? 7 : 9 },
    })), ...openRing(axes, trials)],
    layout: baseLayout({ xaxis: axes[0].plotly, yaxis: axes[1].plotly }),
  }));
}

function openRing(axes, trials) {
  if (!trials.includes(view.trial)) return [];
  const { text } = colours();
  return [{
    type: "scatter", mode: "markers", hoverinfo: "none", customdata: [view.trial.number],
    x: [spread(axes[0], view.trial, 0)], y: [spread(axes[1], view.trial, 1)],
    marker: { symbol: "circle-open", size: 18, color: text, line: { width: 2.4, color: text } },
  }];
}

function scatter3Figure() {
  return scatterFigure(["x3", "y3", "z3"], (axes, trials) => {
    const { text, muted, grid } = colours();
    const scene = {
      camera: camera3d ?? { eye: { x: 1.5, y: 1.5, z: 0.8 } }, dragmode: "orbit", aspectmode: "cube", hovermode: "closest",
    };
    ["xaxis", "yaxis", "zaxis"].forEach((name, i) => {
      const { title, ...rest } = axes[i].plotly;
      scene[name] = {
        ...rest, title: { text: label3d(axes[i].name, 22), font: { color: text, size: 12 } }, gridcolor: grid, color: muted,
        zerolinecolor: grid, showbackground: false, showspikes: false, tickfont: { size: 10, color: muted }, exponentformat: "e",
        ...(axes[i].kind === "log" && { dtick: 1 }),
        ...(axes[i].kind === "category" && { ticktext: axes[i].categories.map((word) => label3d(word, 14)), tickvals: axes[i].categories.map((_, n) => n) }),
      };
    });
    return {
      data: byState(trials).map(([state, some]) => ({
        type: "scatter3d", mode: "markers", hoverinfo: "none", customdata: some.map((trial) => trial.number),
        x: some.map((trial) => spread(axes[0], trial, 0)), y: some.map((trial) => spread(axes[1], trial, 1)),
        z: some.map((trial) => spread(axes[2], trial, 2)),
        marker: {
          ...shaded(some), line: { width: 0 }, symbol: MARKERS_3D[stateOf(state).symbol] ?? "circle",
          size: some.map((trial) => (trial === view.trial ? 11 : 5)),
        },
      })),
      layout: baseLayout({ scene, margin: { l: 0, r: 0, t: 0, b: 0 } }),
    };
  });
}

let camera3d = history.state?.camera ?? null;

/** Labels of the 3-D chart know tags but no entities; a space keeps it from taking "constructor" for what it is not. */
function label3d(text, length) {
  return `${cut(printable(text.slice(0, length + 1)), length).replaceAll("<", "‹").replaceAll(">", "›")} `;
}

/** Trials by state; those without a value are drawn first, below the others. */
function byState(trials) {
  const groups = new Map();
  for (const trial of trials) groups.set(trial.state, [...(groups.get(trial.state) ?? []), trial]);
  return [...groups].sort(([, a], [, b]) => Number(a.some((t) => t.value !== null)) - Number(b.some((t) => t.value !== null)));
}

function shaded(trials) {
  const { back, muted } = colours();
  const color = trials.map((trial) => {
    const shade = view.shadeOf(trial);
    return shade === null ? muted : shadeColour(shade, view.isDark);
  });
  return { color, opacity: 0.9, line: { width: 0.8, color: back } };
}
