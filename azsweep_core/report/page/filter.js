// The filter's words: which trials they mean. `lr<0.01` and `optimizer=adam|sgd` compare, others are searched for.

const COMPARISONS = {
  "<": (a, b) => a < b, "<=": (a, b) => a <= b, ">": (a, b) => a > b, ">=": (a, b) => a >= b,
  "=": (a, b) => a === b, "!=": (a, b) => a !== b,
};

const QUOTE = String.raw`"(?:\\[\\"]|\\(?![\\"])|[^\\"])*`; // without its end: there may be none yet
const QUOTED = `${QUOTE}"?`;
const WORDS = new RegExp(String.raw`(?:${QUOTED}|[^\s"])+`, "g");
const COMPARISON = new RegExp(String.raw`^((?:${QUOTE}"|[^"])+?)(<=|>=|!=|<|>|=)(.*)$`, "s");
const ALTERNATIVES = new RegExp(String.raw`(?:^|\|)((?:${QUOTED}|[^"|])*)`, "g");

/** Words apart by spaces, as they were typed; what stands in double quotes holds together. */
const filterWords = (query) => query.match(WORDS) ?? [];

/** Text as a part of a word that means it alone, whatever it holds; and back. */
const quoted = (text) => (text === "" || /[\s"|<>=!]/.test(text) ? `"${text.replace(/[\\"]/g, "\\$&")}"` : text);
const unquoted = (part) => part.replace(new RegExp(QUOTED, "g"), (one) => (
  one.slice(1).replace(/\\([\\"])|"/g, (_, character) => character ?? "")
));

/** Whether a trial has every word of the query. */
function matcher(query, sweep) {
  const tests = filterWords(query.toLowerCase()).map((word) => comparison(word, sweep) ?? containing(unquoted(word)));
  return (trial) => tests.every((test) => test(trial));
}

function comparisonParts(word) {
  const [, name, sign, wanted] = COMPARISON.exec(word.toLowerCase()) ?? [];
  return !wanted ? null : { name: unquoted(name), sign, wanted };
}

function comparison(word, sweep) {
  const { name, sign, wanted } = comparisonParts(word) ?? {};
  const read = name === undefined ? null : reader(name, sweep);
  if (read === null) return null;
  const either = sign === "=" ? [...wanted.matchAll(ALTERNATIVES)].map(([, one]) => one) : [wanted];
  const texts = either.map(unquoted);
  return (trial) => texts.some((one) => holds(read(trial), sign, one));
}

/** What the reader may not have meant: comparisons that cannot be made. */
function filterTroubles(query, sweep) {
  return filterWords(query).map((word) => {
    const [, name, sign, wanted] = COMPARISON.exec(word) ?? [];
    if (name === undefined) return null;
    const read = reader(unquoted(name).toLowerCase(), sweep);
    if (read === null) return `No parameter “${cut(printable(unquoted(name)), 40)}”: searched for as text.`;
    if (wanted === "") return `“${cut(printable(word), 40)}” lacks a value: searched for as text.`;
    const isOfNumbers = /[<>]/.test(sign) && sweep.trials.some((trial) => finite(read(trial)) !== null);
    const number = unquoted(wanted);
    return isOfNumbers && Number.isNaN(Number(number)) ? `“${cut(printable(number), 40)}” is no number.` : null;
  }).filter(Boolean);
}

function holds(value, sign, wanted) {
  if (value === undefined) return sign === "!=";
  const numbers = [finite(value), wanted.trim() === "" ? null : finite(Number(wanted))];
  if (!numbers.includes(null)) return COMPARISONS[sign](...numbers);
  return COMPARISONS[sign](valueText(value).toLowerCase(), wanted);
}

const METRIC = "@value";

/** The metric's name in a filter that no parameter has. */
const metricName = (sweep) => (sweep.parameters.some(({ key }) => key.toLowerCase() === "value") ? METRIC : "value");

function reader(name, sweep) {
  if (name === METRIC) return (trial) => trial.value ?? undefined;
  const parameter = sweep.parameters.find((one) => one.key.toLowerCase() === name);
  if (parameter) return (trial) => parameterOf(trial, parameter.key);
  if (name === "value" || name === sweep.metric.toLowerCase()) return (trial) => trial.value ?? undefined;
  if (name === "trial" || name === "number") return (trial) => trial.number;
  if (name === "duration") return (trial) => trial.duration_s ?? undefined;
  if (name === "attempt") return (trial) => trial.attempt;
  return name === "state" ? (trial) => trial.state : null;
}

function containing(word) {
  return (trial) => {
    trial.words ??= [
      `trial ${trial.number}`, stateOf(trial.state).words, trial.state, trial.reason ?? "", trial.run_id ?? "",
      ...Object.entries(trial.parameters).map(([key, value]) => `${key}=${valueText(value)}`),
    ].join("\n").toLowerCase();
    return trial.words.includes(word);
  };
}
