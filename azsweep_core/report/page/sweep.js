// The report's data, unpacked and made ready to ask: values, what is better, what is shown. Draws nothing.

const STATES = {
  completed: { words: "completed", sign: "●", symbol: "circle", colour: "#009e73", pattern: "" },
  failed: { words: "failed", sign: "✕", symbol: "x", colour: "#d55e00", pattern: "x" },
  timed_out: { words: "timed out", sign: "▲", symbol: "triangle-up", colour: "#e69f00", pattern: "/" },
  terminated: { words: "terminated", sign: "■", symbol: "square", colour: "#56b4e9", pattern: "|" },
  cancelled: { words: "cancelled", sign: "◆", symbol: "diamond", colour: "#cc79a7", pattern: "." },
  running: { words: "running", sign: "○", symbol: "circle-open", colour: "#0072b2", pattern: "" },
  pending: { words: "waiting", sign: "◌", symbol: "circle-dot", colour: "#999999", pattern: "" },
};
const OTHER_STATE = { words: "?", sign: "?", symbol: "star", colour: "#999999", pattern: "" };

const UNFINISHED = ["running", "pending"];

/** How a state is shown. Nothing runs in an interrupted sweep, whatever was the last that was written of it. */
function stateOf(name) {
  if (!Object.hasOwn(STATES, name)) return { ...OTHER_STATE, words: printable(String(name)) };
  return UNFINISHED.includes(name) && sweep.state === "interrupted" ? { ...STATES[name], words: "not over" } : STATES[name];
}

async function unpack(id) {
  const text = atob(document.getElementById(id).textContent);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i += 1) bytes[i] = text.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
}

/** JSON whose whole numbers keep all their digits where the browser tells them. */
function parse(text) {
  if (!/[[,:\s]-?\d{16,}[\s,\]}]/.test(text)) return JSON.parse(text);
  return JSON.parse(text, (_, value, context) => {
    const isHuge = typeof value === "number" && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source ?? "");
    return isHuge ? BigInt(context.source) : value;
  });
}

/** A finite number, or null for everything else. */
function finite(value) {
  const number = typeof value === "bigint" ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) ? number : null;
}

const parameterOf = (trial, key) => (Object.hasOwn(trial.parameters, key) ? trial.parameters[key] : undefined);

class Sweep {
  constructor(document) {
    Object.assign(this, document);
    this.metric = document.objective.metric;
    this.sign = document.objective.goal === "maximize" ? -1 : 1;
    this.byNumber = new Map(this.trials.map((trial) => [trial.number, trial]));
    for (const trial of this.trials) trial.value = finite(trial.value);
    const values = this.trials.map((trial) => trial.value).filter((value) => value !== null);
    this.values = values.sort((a, b) => this.sign * (a - b)); // best first
    this.canLog = this.values.length > 0 && Math.min(this.values[0], this.values.at(-1)) > 0;
    this.spans = this.canLog && this.values.at(-1) / this.values[0];
    this.now_s = this.ended_s ?? this.written_s;
    this.bestTrial = this.best && this.byNumber.get(this.best.number);
    this.measureShades();
  }

  /** Colours end where values are far from all others, so that one outlier does not make the rest look alike. */
  measureShades() {
    const at = (part) => this.values[Math.round(part * (this.values.length - 1))];
    if (!this.values.length) return;
    const fence = at(0.75) + 1.5 * (at(0.75) - at(0.25));
    const inside = this.values.filter((value) => this.sign * (value - fence) <= 0);
    this.lastShade = inside.at(-1) ?? this.values.at(-1);
    this.hasOutliers = inside.length < this.values.length;
  }

  /** Whether the log scale is more to the point: for losses with a few very bad ones, and for what spans powers of ten. */
  get wantsLog() {
    const isLoss = this.sign > 0 && this.hasOutliers;
    return this.canLog && Math.max(this.spans, 1 / this.spans) >= (isLoss ? 10 : 100);
  }

  /** From 0, the best value, to 1; null without a value. */
  shadeOf(trial, log) {
    if (trial.value === null) return null;
    const scale = log ? Math.log10 : (value) => value;
    const [from, to] = [scale(this.values[0]), scale(log ? this.values.at(-1) : this.lastShade)];
    return from === to ? 0 : Math.min(Math.max((scale(trial.value) - from) / (to - from), 0), 1);
  }

  isBetter(value, other) {
    return value !== null && (other === null || this.sign * (value - other) < 0);
  }
}
