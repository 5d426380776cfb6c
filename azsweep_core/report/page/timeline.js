// Timeline: a row a slot, each attempt as a bar from the launcher's hand to its end; what is empty was idle.

function timelineFigure() {
  const rows = sweep.timeline.rows;
  const shown = new Set(view.shown.map((trial) => trial.number));
  const spans = rows.flatMap((row, slot) => row.filter(({ trial }) => shown.has(trial)).map((span) => ({ ...span, slot })));
  if (!spans.length) return { empty: sweep.trials.length ? "No trial to show." : "No trial yet." };
  const { muted, text, faint } = colours();
  const height = Math.min(Math.max(180, 96 + 22 * rows.length), 640);
  const byKind = new Map();
  const add = (kind, span, from, to) => byKind.set(kind, [...(byKind.get(kind) ?? []), { ...span, from, to: Math.max(to, from) }]);
  for (const span of spans) {
    const to = span.to_s ?? sweep.now_s;
    add("queue", span, span.from_s, span.began_s ?? to);
    if (span.began_s !== null) add(span.end ?? "running", span, span.began_s, to);
  }
  const data = [...byKind].map(([kind, some]) => bars(kind, some, { muted, faint, text }));
  const start = sweep.started_s ?? Math.min(...spans.map(({ from_s }) => from_s));
  return {
    height, data,
    layout: baseLayout({
      barmode: "overlay", showlegend: true, legend: { orientation: "h", y: 1, yanchor: "bottom", x: 0, font: { size: 11 }, itemclick: false, itemdoubleclick: false },
      xaxis: { type: "date", range: [clock(start, { millis: true }), clock(sweep.now_s, { millis: true })] },
      yaxis: {
        title: { text: "slot" }, range: [rows.length - 0.4, -0.6], zeroline: false, showgrid: false,
        ...(rows.length <= 24 ? { tickvals: rows.map((_, i) => i), ticktext: rows.map((_, i) => String(i + 1)) } : {}),
      },
      margin: { l: 48, r: 14, t: 34, b: 34 },
      shapes: sweep.timeline.gaps.map(([from, to]) => ({
        type: "rect", layer: "below", yref: "paper", y0: 0, y1: 1, x0: clock(from, { millis: true }), x1: clock(to ?? sweep.now_s, { millis: true }),
        line: { width: 0 }, fillcolor: faint, opacity: 0.35,
      })),
    }),
    words: `${plural(rows.length, "slot")} over ${durationText(sweep.now_s - start)}: when each of ${plural(spans.length, "attempt")} started or waited, and ran.`,
    note: [use(rows), sweep.timeline.gaps.length && "Shaded: nobody coordinated the sweep."].filter(Boolean).join(" "),
  };
}

function bars(kind, spans, { muted, text }) {
  const isQueue = kind === "queue";
  const { colour, pattern, words } = kind === "lost" ? { colour: muted, pattern: "+", words: "lost" } : stateOf(kind);
  return {
    type: "bar", orientation: "h", name: isQueue ? "starting or in the queue" : words, hoverinfo: "none",
    base: spans.map(({ from }) => clock(from, { millis: true })), x: spans.map(({ from, to }) => (to - from) * 1000),
    y: spans.map(({ slot }) => slot), width: isQueue ? 0.25 : 0.78, customdata: spans.map(({ trial }) => trial),
    marker: {
      color: isQueue ? muted : colour, line: { width: 0 },
      ...(pattern && !isQueue && { pattern: { shape: pattern, fillmode: "overlay", fgcolor: text, fgopacity: 0.6, size: 6, solidity: 0.2 } }),
    },
  };
}

/** How much of the slots' time was used, gaps left out. */
function use(rows) {
  const all = rows.flat();
  const from = sweep.started_s ?? Math.min(...all.map(({ from_s }) => from_s));
  const gaps = sweep.timeline.gaps.reduce((sum, [start, end]) => sum + (end ?? sweep.now_s) - start, 0);
  const span = (sweep.now_s - from - gaps) * Math.max(rows.length, sweep.slots ?? 0);
  if (!(span > 0)) return "";
  const part = (pick) => Math.round((100 * all.reduce((sum, one) => sum + Math.max(pick(one), 0), 0)) / span);
  const running = part((one) => (one.began_s === null ? 0 : (one.to_s ?? sweep.now_s) - one.began_s));
  const waiting = part((one) => (one.began_s ?? one.to_s ?? sweep.now_s) - one.from_s);
  return `Trials ran in ${running} % of the slots' time${waiting ? `, and started or waited in ${waiting} %` : ""}.`;
}
