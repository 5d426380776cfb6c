// Parallel coordinates: an upright axis a parameter, the metric the last one; dragging along an axis keeps what it covers.

const MOST_AXES = 40;

function parallelFigure() {
  const withValue = view.shown.filter((trial) => trial.value !== null);
  if (!withValue.length) return { empty: "No trial here has a value." };
  if (!sweep.parameters.length) return { empty: "There are no parameters." };
  const trials = [...withValue].sort((a, b) => sweep.sign * (b.value - a.value)); // the best is drawn last, on top
  const used = axesOf(sweep, view.log).filter((axis) => axis.key !== "number");
  const axes = [...used.slice(0, -1).slice(0, MOST_AXES - 1), used.at(-1)];
  const { text, muted, faint } = colours();
  const lacking = view.shown.length - trials.length;
  parallelTrials = trials.map((trial) => trial.number);
  const dimensions = axes.map((axis) => dimension(axis, trials));
  return {
    data: [{
      type: "parcoords", dimensions, labelangle: axes.length > 8 ? -12 : 0, labelside: "top",
      labelfont: { color: text, size: axes.length > 12 ? 10 : 12 }, tickfont: { color: muted, size: 11 }, rangefont: { size: 1, color: "rgba(0,0,0,0)" },
      line: { color: trials.map((trial) => view.shadeOf(trial)), cmin: 0, cmax: 1, colorscale: colorscale(view.isDark) },
      unselected: { line: { color: faint, opacity: 0.25 } },
    }],
    layout: baseLayout({ margin: { l: 90, r: 70, t: axes.length > 8 ? 64 : 40, b: 22 } }),
    words: `Parameters of ${plural(trials.length, "trial")}, one axis each, and ${sweep.metric} as the last axis.`,
    note: [
      "Drag along an axis to keep the lines it covers, click it to let go.",
      dimensions.some(({ isLacking }) => isLacking) && "Lowest tick “not set”: the parameter is not in that branch.",
      lacking && `${plural(lacking, "trial")} without a value not drawn.`,
      used.length > axes.length && `The first ${axes.length - 1} of ${used.length - 1} parameters.`,
    ].filter(Boolean).join(" "),
  };
}

let parallelTrials = [];

function dimension(axis, trials) {
  const places = trials.map((trial) => axis.place(trial));
  const known = places.filter((place) => place !== null);
  let [low, high] = axis.kind === "category" ? [0, axis.categories.length - 1] : [Math.min(...known), Math.max(...known)];
  if (!known.length) [low, high] = [0, 1];
  if (low === high) [low, high] = [low - 0.5, high + 0.5];
  const isLacking = known.length < places.length;
  const notSet = low - (high - low) * 0.15;
  const ticks = known.length ? axis.ticks(...(axis.kind === "category" ? [] : [Math.min(...known), Math.max(...known)])) : { places: [], words: [] };
  return {
    label: label(axis.name, 20), isLacking, values: places.map((place) => place ?? notSet),
    range: [isLacking ? notSet : low, high],
    tickvals: isLacking ? [notSet, ...ticks.places] : ticks.places,
    ticktext: (isLacking ? ["not set", ...ticks.words] : ticks.words).map((word) => cut(word, 40)),
  };
}
