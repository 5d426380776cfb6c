// Optimisation history: the value of each trial, its state as the marker, and the best so far as a step line.

function historyFigure() {
  const isByTime = view.get("by") === "time";
  const at = (trial) => (isByTime ? timeOf(trial) : trial.number);
  const drawn = view.shown.filter((trial) => at(trial) !== null);
  if (!drawn.length) return { empty: sweep.trials.length ? "No trial to show." : "No trial yet." };
  const x = (trial) => (isByTime ? clock(timeOf(trial), { millis: true }) : trial.number);
  const { text, accent, back } = colours();
  const lacking = drawn.filter((trial) => trial.value === null);
  const data = [bestLine(drawn.filter((trial) => trial.value !== null), at, x, accent)];
  for (const state of new Set(drawn.map((trial) => trial.state))) {
    const ofState = drawn.filter((trial) => trial.state === state);
    data.push(markers(ofState.filter((trial) => trial.value !== null), x, (trial) => trial.value, state, back));
    data.push({ ...markers(ofState.filter((trial) => trial.value === null), x, () => 0, state, back), yaxis: "y2" });
  }
  if (view.trial && drawn.includes(view.trial)) data.push(ring(view.trial, x, text));
  return {
    data,
    layout: baseLayout({
      xaxis: {
        title: { text: isByTime ? "end of the trial" : "trial" }, type: isByTime ? "date" : "linear", anchor: "free", position: 0,
        ...(!isByTime && drawn.length < 10 && { dtick: 1 }),
      },
      yaxis: { ...valueAxis(), domain: [lacking.length ? 0.1 : 0, 1], visible: lacking.length < drawn.length },
      yaxis2: { domain: [0, 0.07], range: [-1, 1], visible: false, fixedrange: true },
    }),
    words: `${plural(drawn.length, "trial")} by ${isByTime ? "time" : "number"} with their values of ${sweep.metric} and the best so far.`,
    note: [
      "Line: the best so far.", lacking.length && `Bottom: ${plural(lacking.length, "trial")} without a value.`,
    ].filter(Boolean).join(" "),
  };
}

const timeOf = (trial) => trial.ended_s ?? trial.started_s ?? trial.submitted_s ?? null;

function bestLine(trials, at, x, color) {
  const line = { x: [], y: [], numbers: [] };
  let best = null;
  const inOrder = [...trials].sort((a, b) => at(a) - at(b));
  for (const trial of inOrder) {
    if (sweep.isBetter(trial.value, best?.value ?? null)) best = trial;
    line.x.push(x(trial));
    line.y.push(best.value);
    line.numbers.push(best.number);
  }
  return {
    type: "scatter", mode: "lines", x: line.x, y: line.y, customdata: line.numbers, hoverinfo: "none", name: "best so far",
    line: { shape: "hv", color, width: 2.4 },
  };
}

function markers(trials, x, y, state, back) {
  const { symbol, colour, words } = stateOf(state);
  return {
    type: "scatter", mode: "markers", name: words, hoverinfo: "none", cliponaxis: false, x: trials.map(x), y: trials.map(y),
    customdata: trials.map((trial) => trial.number),
    marker: {
      symbol, color: colour, size: trials.length > 500 ? 6 : 8, opacity: 0.9,
      line: { width: symbol.endsWith("-open") ? 2 : 0.8, color: symbol.endsWith("-open") ? colour : back },
    },
  };
}

/** Around the open trial. */
function ring(trial, x, color) {
  return {
    type: "scatter", mode: "markers", x: [x(trial)], y: [trial.value ?? 0], yaxis: trial.value === null ? "y2" : "y",
    hoverinfo: "none", customdata: [trial.number],
    marker: { symbol: "circle-open", size: 17, color, line: { width: 2.4, color } },
  };
}
