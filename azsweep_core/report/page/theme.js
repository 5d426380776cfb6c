// Colours of charts: those of the page's style sheet, and a scale whose best end stands out from the background.

const VIRIDIS = [
  "#440154", "#482878", "#3e4989", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725",
];

/** From the best value's colour to the worst's. */
function shades(isDark) {
  return isDark ? VIRIDIS.slice(1).reverse() : VIRIDIS.slice(0, -1);
}

function colorscale(isDark) {
  const stops = shades(isDark);
  return stops.map((colour, i) => [i / (stops.length - 1), colour]);
}

function shadeColour(shade, isDark) {
  const stops = shades(isDark);
  return stops[Math.min(Math.floor(shade * stops.length), stops.length - 1)];
}

function colours() {
  const style = getComputedStyle(document.documentElement);
  const named = (name) => style.getPropertyValue(`--${name}`).trim();
  return {
    text: named("text"), muted: named("muted"), grid: named("grid"), back: named("card"),
    accent: named("accent"), faint: named("faint"), line: named("line"),
  };
}

/** The metric's axis. */
function valueAxis() {
  const isNarrow = view.log && Math.max(sweep.spans, 1 / sweep.spans) < 50;
  return { title: { text: label(sweep.metric) }, type: view.log ? "log" : "linear", ...(isNarrow && { dtick: "D2" }) };
}

function baseLayout(extra) {
  const { text, muted, grid, line, back } = colours();
  const axis = {
    gridcolor: grid, zerolinecolor: grid, linecolor: line, tickcolor: line, tickfont: { color: muted }, automargin: true, exponentformat: "e",
    title: { font: { color: text, size: 12 }, standoff: 8 },
  };
  const layout = {
    paper_bgcolor: back, plot_bgcolor: back, showlegend: false, hovermode: "closest",
    font: { family: "system-ui, 'DejaVu Sans', sans-serif", size: 12, color: text },
    margin: { l: 56, r: 14, t: 10, b: 44 }, dragmode: "zoom", modebar: {
      bgcolor: "rgba(0,0,0,0)", color: muted, activecolor: text, orientation: "h",
    },
    ...extra,
  };
  for (const name of Object.keys(layout).filter((key) => /^[xy]axis\d*$/.test(key))) {
    layout[name] = { ...axis, ...layout[name], title: { ...axis.title, ...layout[name].title } };
  }
  return layout;
}
