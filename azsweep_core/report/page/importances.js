// Parameter importances: which parameters the metric depends on.

function importancesFigure() {
  const { evaluator, values, note } = sweep.importances;
  if (!values.length) return { empty: note || "Nothing is known of the parameters' importance yet." };
  const most = values.slice(0, 20);
  const { accent, text } = colours();
  return {
    height: Math.max(140, 44 + 30 * most.length),
    data: [{
      type: "bar", orientation: "h", hoverinfo: "none", x: most.map(([, part]) => part), y: most.map((_, i) => i),
      text: most.map(([, part]) => part.toFixed(2)), textposition: "outside", cliponaxis: false, textfont: { color: text },
      marker: { color: accent }, width: 0.62,
    }],
    layout: baseLayout({
      xaxis: { range: [0, Math.max(...most.map(([, part]) => part)) * 1.15 || 1], visible: false, fixedrange: true },
      yaxis: { tickvals: most.map((_, i) => i), ticktext: most.map(([key]) => label(key, 24)), autorange: "reversed", showgrid: false, zeroline: false, fixedrange: true, ticks: "" },
      margin: { l: 20, r: 34, t: 6, b: 6 },
    }),
    words: `Importances: ${most.map(([key, part]) => `${key} ${part.toFixed(2)}`).join(", ")}.`,
    note: [evaluator && `By ${evaluator}.`, note, values.length > most.length && `The first ${most.length} of ${values.length}.`].filter(Boolean).join(" "),
  };
}
