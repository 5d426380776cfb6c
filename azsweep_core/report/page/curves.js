// Metrics: what every trial has reported, over steps or time; coloured by its value, the best one thick.

const MOST_POINTS = 40000;

function metricsFigure() {
  const isOverTime = view.get("over") === "time";
  const curves = view.shown.map((trial) => ({ trial, ...curveOf(trial, isOverTime) })).filter(({ y }) => y.length);
  if (!curves.length) return { empty: sweep.trials.length ? "No trial here has reported a value." : "No trial yet." };
  const [unit, size] = isOverTime ? timeUnit(Math.max(...curves.map(({ x }) => x.at(-1) ?? 0))) : ["step", 1];
  const total = curves.reduce((sum, { y }) => sum + y.length, 0);
  const stride = Math.max(Math.ceil(total / MOST_POINTS), 1);
  const opened = view.trial;
  const { text, muted, accent } = colours();
  const data = bundles(curves, stride, size).map(({ shade, x, y, numbers }) => ({
    type: "scatter", mode: "lines", x, y, customdata: numbers, hoverinfo: "none", opacity: curves.length > 50 ? 0.55 : 0.8,
    line: { width: 1.2, color: shade === null ? muted : shadeColour(shade, view.isDark) },
  }));
  data.push(singles(curves, size));
  const best = curves.find(({ trial }) => trial === sweep.bestTrial);
  if (best) data.push(thick(best, size, accent, 3.2));
  const open = curves.find(({ trial }) => trial === opened);
  if (open) data.push(thick(open, size, text, 2.4, "dot"));
  const missing = view.shown.length - curves.length;
  return {
    data,
    layout: baseLayout({
      xaxis: { title: { text: isOverTime ? `${unit} since the trial's start` : "step" } },
      yaxis: valueAxis(),
    }),
    words: `What ${plural(curves.length, "trial")} reported of ${sweep.metric} over ${isOverTime ? "time" : "steps"}`
      + (best ? `; the best is trial ${best.trial.number} with ${numberText(best.trial.value, 6)}.` : "."),
    note: [
      best && `Thick: the best, trial ${best.trial.number}.`, open && `Dotted: trial ${open.trial.number}.`,
      missing && `${plural(missing, "trial")} without a report.`, stride > 1 && `Every ${stride}th point is drawn.`,
    ].filter(Boolean).join(" "),
  };
}

function curveOf({ reports }, isOverTime) {
  if (!reports) return { x: [], y: [] };
  const at = isOverTime ? reports.times : reports.steps;
  const points = reports.values.map((value, i) => [finite(at?.[i]) ?? i, finite(value)]);
  if (!points.some(([, y]) => y !== null)) return { x: [], y: [] };
  return { x: points.map(([x]) => x), y: points.map(([, y]) => y) };
}

function timeUnit(seconds) {
  if (seconds > 2 * 86400) return ["days", 86400];
  if (seconds > 2 * 3600) return ["hours", 3600];
  return seconds > 120 ? ["minutes", 60] : ["seconds", 1];
}

/** Curves of one colour in one trace each, with gaps between: plotly is slow with many traces. Best on top. */
function bundles(curves, stride, size) {
  const steps = 9;
  const byShade = new Map();
  for (const curve of curves) {
    const shade = view.shadeOf(curve.trial);
    const step = shade === null ? null : Math.round(shade * steps) / steps;
    if (!byShade.has(step)) byShade.set(step, { shade: step, x: [], y: [], numbers: [] });
    const bundle = byShade.get(step);
    curve.y.forEach((y, i) => {
      if (i % stride && i !== curve.y.length - 1) return;
      bundle.x.push(curve.x[i] / size);
      bundle.y.push(y);
      bundle.numbers.push(curve.trial.number);
    });
    bundle.x.push(null);
    bundle.y.push(null);
    bundle.numbers.push(null);
  }
  return [...byShade.values()].sort((a, b) => (b.shade ?? 2) - (a.shade ?? 2));
}

/** A line needs two points: trials with one report are dots. */
function singles(curves, size) {
  const lone = curves.filter(({ y }) => y.length === 1);
  return {
    type: "scatter", mode: "markers", hoverinfo: "none", x: lone.map(({ x }) => x[0] / size), y: lone.map(({ y }) => y[0]),
    customdata: lone.map(({ trial }) => trial.number),
    marker: {
      size: 6, cmin: 0, cmax: 1, colorscale: colorscale(view.isDark), color: lone.map(({ trial }) => view.shadeOf(trial) ?? 1),
    },
  };
}

function thick({ trial, x, y }, size, color, width, dash = "solid") {
  return {
    type: "scatter", mode: y.length < 3 ? "lines+markers" : "lines", hoverinfo: "none", x: x.map((at) => at / size), y,
    customdata: y.map(() => trial.number), line: { color, width, dash }, marker: { size: 8 },
  };
}
