// Parallel coordinates: an upright axis a parameter, the metric the last one. A box drawn over an axis becomes a filter.

const MOST_AXES = 40;
const NOT_SET = -0.12;

function parallelFigure() {
  const isDrawn = (trial) => trial.value !== null;
  const shown = view.shown.filter(isDrawn);
  if (!sweep.parameters.length) return { empty: "There are no parameters." };
  if (!shown.length) return { empty: sweep.trials.length ? "No trial here has a value." : "No trial yet." };
  const all = sweep.trials.filter(isDrawn);
  const scales = parallelScales(all);
  const { text, faint, accent } = colours();
  const parts = Math.max(1, Math.min(6, Math.floor(MOST_POINTS / (shown.length * scales.length))));
  const lines = [...shownLines(shown, scales, parts)];
  if (all.length > shown.length) lines.unshift({ ...polyline(all.filter((trial) => !shown.includes(trial)), scales, 1, faint, 1), opacity: 0.35, hoverinfo: "skip" });
  if (shown.includes(sweep.bestTrial)) lines.push(polyline([sweep.bestTrial], scales, parts, accent, 3));
  if (shown.includes(view.trial)) lines.push({ ...polyline([view.trial], scales, parts, text, 2.4), line: { color: text, width: 2.4, dash: "dot" } });
  const isLacking = scales.some((scale) => scale.isLacking);
  return {
    data: [...lines, ...scaleTicks(scales, text)],
    layout: baseLayout({
      dragmode: "select", selections: [], margin: { l: 64, r: 64, t: 40, b: 8 },
      xaxis: {
        side: "top", tickvals: scales.map((_, i) => i), ticktext: scales.map(({ axis }) => label(axis.name, scales.length > 9 ? 14 : 22)),
        range: [-0.02, scales.length - 0.98], zeroline: false, fixedrange: true, gridcolor: colours().line, tickfont: { color: text },
      },
      yaxis: { visible: false, range: [isLacking ? NOT_SET - 0.04 : -0.04, 1.04], fixedrange: true },
    }),
    words: `Parameters of ${plural(shown.length, "trial")}, an upright axis each, and ${sweep.metric} as the last axis.`,
    note: [
      shown.includes(sweep.bestTrial) && `Thick: the best, trial ${sweep.bestTrial.number}.`,
      "Draw a box over an axis to filter by it.",
      isLacking && "“not set”: that branch has no such parameter.",
      view.shown.length > shown.length && `${plural(view.shown.length - shown.length, "trial")} without a value not drawn.`,
      sweep.parameters.length > scales.length - 1 && `The first ${scales.length - 1} of ${sweep.parameters.length} parameters.`,
    ].filter(Boolean).join(" "),
  };
}

/** The axes, each with the places that are its lower and its upper end. */
function parallelScales(trials) {
  const axes = axesOf(sweep, view.log).filter((axis) => axis.key !== "number");
  return [...axes.slice(0, -1).slice(0, MOST_AXES - 1), axes.at(-1)].map((axis) => {
    const known = trials.map((trial) => axis.place(trial)).filter((place) => place !== null);
    let [low, high] = [Math.min(...known), Math.max(...known)];
    if (axis.kind === "category") [low, high] = [0, axis.categories.length - 1];
    if (!known.length) [low, high] = [0, 1];
    const ticks = known.length ? axis.ticks(low, high) : { places: [], words: [] };
    if (low === high) [low, high] = [low - 0.5, high + 0.5];
    return { axis, low, high, ticks, isLacking: known.length < trials.length };
  });
}

function height({ axis, low, high }, trial) {
  const place = axis.place(trial);
  return place === null ? NOT_SET : (place - low) / (high - low);
}

/** Trials of one colour as one trace, the best on top. */
function shownLines(trials, scales, parts) {
  const steps = 9;
  const byShade = new Map();
  for (const trial of trials) {
    const step = Math.round(view.shadeOf(trial) * steps) / steps;
    byShade.set(step, [...(byShade.get(step) ?? []), trial]);
  }
  return [...byShade].sort(([a], [b]) => b - a)
    .map(([shade, some]) => ({ ...polyline(some, scales, parts, shadeColour(shade, view.isDark), 1.2), opacity: trials.length > 60 ? 0.6 : 0.85 }));
}

/** Lines of several trials with gaps between; `parts` points a stretch, for the pointer finds only points. */
function polyline(trials, scales, parts, color, width) {
  const [x, y, numbers] = [[], [], []];
  const add = (at, to, number) => {
    x.push(at);
    y.push(to);
    numbers.push(number);
  };
  for (const trial of trials) {
    const heights = scales.map((scale) => height(scale, trial));
    heights.forEach((from, i) => {
      const to = heights[i + 1];
      const count = to === undefined ? 1 : parts;
      for (let part = 0; part < count; part += 1) add(i + part / count, from + ((to ?? from) - from) * (part / count), trial.number);
    });
    add(null, null, null);
  }
  return { type: "scatter", mode: "lines", x, y, customdata: numbers, hoverinfo: "none", line: { color, width } };
}

/** Words at the axes: right of each, but for the last. */
function scaleTicks(scales, color) {
  const marks = scales.flatMap((scale, i) => {
    const { ticks, low, high } = scale;
    const all = ticks.places.map((place, n) => ({ x: i, y: (place - low) / (high - low), words: ticks.words[n] }));
    return scale.isLacking ? [...all, { x: i, y: NOT_SET, words: "not set" }] : all;
  });
  const last = scales.length - 1;
  return [[marks.filter(({ x }) => x < last), "middle right"], [marks.filter(({ x }) => x === last), "middle left"]].map(([some, textposition]) => ({
    type: "scatter", mode: "text", x: some.map(({ x }) => x), y: some.map(({ y }) => y), text: some.map(({ words }) => ` ${words} `),
    textposition, textfont: { size: 11, color }, unselected: { textfont: { color } }, hoverinfo: "skip", cliponaxis: false,
  }));
}

/** A box over axes as words of the filter, in the place of earlier ones about the same parameters. */
function filterByBox({ x: [left, right], y: [one, other] }) {
  const scales = parallelScales(sweep.trials.filter((trial) => trial.value !== null));
  const [from, to] = [Math.min(one, other), Math.max(one, other)];
  const inside = scales.filter((_, i) => i >= Math.min(left, right) && i <= Math.max(left, right));
  const nearest = scales[Math.max(0, Math.min(scales.length - 1, Math.round((left + right) / 2)))];
  let words = filterWords(view.get("q"));
  for (const scale of inside.length ? inside : [nearest]) {
    const name = scale.axis.key === "metric" ? metricName(sweep) : scale.axis.name;
    words = words.filter((word) => comparisonParts(word)?.name !== name.toLowerCase());
    words.push(...boxWords(scale, quoted(name), from, to));
  }
  setFilter(words.join(" "));
}

function boxWords({ axis, low, high }, name, from, to) {
  const place = (part) => low + part * (high - low);
  if (axis.kind === "category") {
    const kept = axis.values.filter((_, i) => i >= place(from) && i <= place(to));
    return kept.length && kept.length < axis.values.length ? [`${name}=${kept.map((value) => quoted(valueText(value))).join("|")}`] : [];
  }
  const number = (part) => Number((axis.kind === "log" ? 10 ** place(part) : place(part)).toPrecision(4));
  return [...(from > 0 ? [`${name}>=${number(from)}`] : []), ...(to < 1 ? [`${name}<=${number(to)}`] : [])];
}
