// The filter's words: which trials they mean. `lr<0.01` and `optimizer=adam|sgd` compare, others are searched for.

const COMPARISONS = {
  "<": (a, b) => a < b, "<=": (a, b) => a <= b, ">": (a, b) => a > b, ">=": (a, b) => a >= b,
  "=": (a, b) => a === b, "!=": (a, b) => a !== b,
};

/** Words apart by spaces; what stands in double quotes holds together. */
function filterWords(query) {
  return (query.match(/(?:[^\s"]|"[^"]*"?)+/g) ?? []).map((word) => word.replaceAll('"', ""));
}

const quotedWord = (word) => (/\s/.test(word) ? `"${word}"` : word);

/** Whether a trial has every word of the query. */
function matcher(query, sweep) {
  const tests = filterWords(query.toLowerCase()).map((word) => comparison(word, sweep) ?? containing(word));
  return (trial) => tests.every((test) => test(trial));
}

function comparisonParts(word) {
  const [, name, sign, wanted] = /^(.+?)(<=|>=|!=|<|>|=)(.+)$/s.exec(word.toLowerCase()) ?? [];
  return name === undefined ? null : { name, sign, wanted };
}

function comparison(word, sweep) {
  const { name, sign, wanted } = comparisonParts(word) ?? {};
  const read = name === undefined ? null : reader(name, sweep);
  if (read === null) return null;
  if (sign === "=" && wanted.includes("|")) {
    const tests = wanted.split("|").map((one) => (trial) => holds(read(trial), "=", one));
    return (trial) => tests.some((test) => test(trial));
  }
  return (trial) => holds(read(trial), sign, wanted);
}

function holds(value, sign, wanted) {
  if (value === undefined) return sign === "!=";
  const numbers = [finite(value), wanted.trim() === "" ? null : finite(Number(wanted))];
  if (!numbers.includes(null)) return COMPARISONS[sign](...numbers);
  return COMPARISONS[sign](valueText(value).toLowerCase(), wanted);
}

function reader(name, sweep) {
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
