// Where a trial lies on an axis: numbers, powers of ten, categories with their names, and those who lack a parameter.

const MOST_TICKS = 16;

class Axis {
  constructor(name, key, kind, read) {
    Object.assign(this, { name, key, kind, read });
  }

  /** Its place as a plain number: the logarithm on a log axis, the index of a category; null if it has none. */
  place(trial) {
    const value = this.read(trial);
    if (value === undefined || value === null) return this.kind === "category" && value === null ? this.index(value) : null;
    if (this.kind === "category") return this.index(value);
    const number = finite(value);
    if (number === null) return null;
    if (this.kind === "log") return number > 0 ? Math.log10(number) : null;
    return number;
  }

  index(value) {
    return this.indices.get(identity(value)) ?? null;
  }

  /** What a plotly axis is told. */
  get plotly() {
    const title = { text: label(this.name, 40) };
    if (this.kind === "linear") return { title };
    if (this.kind === "log") return { title, type: "log", nticks: 8 };
    const { places, words } = this.ticks();
    return { title, tickvals: places, ticktext: words, range: [-0.5, this.categories.length - 0.5] };
  }

  /** Places and words of the ticks between two places. */
  ticks(from, to) {
    if (this.kind === "category") {
      const step = Math.ceil(this.categories.length / MOST_TICKS);
      const places = this.categories.map((_, i) => i).filter((i) => i % step === 0);
      return { places, words: places.map((i) => label(this.categories[i], 18)) };
    }
    const numbers = this.kind === "log" ? powers(from, to) : steps(from, to);
    return {
      places: this.kind === "log" ? numbers.map(Math.log10) : numbers,
      words: numbers.map((number) => numberText(number)),
    };
  }
}

/** Tells 1, "1" and true apart. */
const identity = (value) => `${typeof value}:${valueText(value)}`;

function steps(from, to, count = 6) {
  const span = to - from;
  if (!(span > 0)) return [from];
  const rough = span / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= rough) * power;
  const first = Math.ceil(from / step - 1e-9);
  const last = Math.floor(to / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

function powers(from, to) {
  const factors = to - from < 1 ? [1, 2, 3, 5, 7] : to - from < 3 ? [1, 3] : [1];
  const numbers = [];
  for (let power = Math.floor(from); power <= Math.ceil(to); power += 1) {
    numbers.push(...factors.map((factor) => Number(`${factor}e${power}`)));
  }
  const inside = numbers.filter((number) => Math.log10(number) >= from - 1e-9 && Math.log10(number) <= to + 1e-9);
  const step = Math.ceil(inside.length / MOST_TICKS);
  return inside.length > 1 ? inside.filter((_, i) => i % step === 0) : [10 ** from, 10 ** to];
}

/** A category axis holds the choices in their order, then what trials have besides. */
function withCategories(axis, choices, trials) {
  const found = new Map();
  for (const value of [...(choices ?? []), ...trials.map(axis.read)]) {
    if (value !== undefined) found.set(identity(value), value);
  }
  const values = [...found.values()];
  const used = new Set(trials.map((trial) => axis.read(trial)).filter((value) => value !== undefined).map(identity));
  const kept = values.length <= 40 ? values : values.filter((value) => used.has(identity(value)));
  const texts = kept.map((value) => valueText(value));
  axis.categories = kept.map((value, i) => {
    const isAlone = texts.indexOf(texts[i]) === texts.lastIndexOf(texts[i]);
    return typeof value === "string" && (!isAlone || value === "") ? `"${value}"` : texts[i];
  });
  axis.values = kept;
  axis.indices = new Map(kept.map((value, i) => [identity(value), i]));
  return axis;
}

function parameterAxis({ key, scale, choices }, trials) {
  const read = (trial) => parameterOf(trial, key);
  const numbers = trials.map(read).map((value) => (value === undefined ? null : finite(value))).filter((v) => v !== null);
  const isNumeric = scale !== "category" && (numbers.length > 0 || trials.length === 0);
  if (!isNumeric) return withCategories(new Axis(key, `p:${key}`, "category", read), choices, trials);
  const canLog = scale === "log" && numbers.every((number) => number > 0);
  return new Axis(key, `p:${key}`, canLog ? "log" : "linear", read);
}

/** Every axis there is: the parameters in the order of the space, the metric, the trial's number. */
function axesOf(sweep, isLog) {
  const metric = new Axis(sweep.metric, "metric", isLog ? "log" : "linear", (trial) => trial.value);
  const number = new Axis("trial", "number", "linear", (trial) => trial.number);
  return [...sweep.parameters.map((parameter) => sweep.axes.get(parameter.key)), metric, number];
}

/** Those that matter most first, so that the charts begin with them. */
function axesByImportance(sweep, axes) {
  const place = new Map(sweep.importances.values.map(([key], i) => [`p:${key}`, i]));
  const rank = (axis) => place.get(axis.key) ?? (axis.key.startsWith("p:") ? 1e6 : 2e6);
  return [...axes].sort((a, b) => rank(a) - rank(b));
}
