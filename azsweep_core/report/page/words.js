// How numbers, times and values of parameters read. Knows nothing of the page.

const UNSEEN = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

/** The text with characters that cannot be seen, or that turn others around, spelled out. */
function printable(text, { lines = false } = {}) {
  const spelled = text.replace(UNSEEN, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
  return lines ? spelled : spelled.replaceAll("\n", "\\n");
}

function cut(text, length) {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

/** A parameter's value in full, as text. */
function valueText(value) {
  if (typeof value === "string") return value;
  if (typeof value === "object") {
    return JSON.stringify(value, (_, inner) => (typeof inner === "bigint" ? String(inner) : inner));
  }
  return String(value);
}

/** A value where there is little room: numbers to `digits` digits, text in one line. */
function brief(value, digits = 4, length = 80) {
  if (typeof value === "number") return numberText(value, digits);
  return cut(printable(valueText(value).slice(0, length + 1)), length);
}

function numberText(value, digits = 4) {
  if (!Number.isFinite(value)) return String(value);
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return String(value);
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) {
    return value.toExponential(digits - 1).replace(/\.?0+e/, "e").replace("e+", "e");
  }
  return String(Number(value.toPrecision(digits)));
}

function durationText(seconds) {
  if (seconds === null || seconds === undefined) return "";
  if (seconds < 10) return `${numberText(Math.max(seconds, 0), 2)} s`;
  const whole = Math.round(seconds);
  const parts = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const first = parts.findIndex(([size]) => whole >= size);
  const [size, unit] = parts[first];
  const rest = parts[first + 1] && Math.floor((whole % size) / parts[first + 1][0]);
  return rest ? `${Math.floor(whole / size)} ${unit} ${rest} ${parts[first + 1][1]}` : `${Math.floor(whole / size)} ${unit}`;
}

/** Local time of the reader, as plotly's date axes take it too. */
function clock(seconds, { millis = false } = {}) {
  const date = new Date(seconds * 1000);
  const two = (number) => String(number).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return millis ? `${day} ${time}.${String(date.getMilliseconds()).padStart(3, "0")}` : `${day} ${time}`;
}

/** Text that plotly draws as it is: its labels know tags and entities. */
function label(text, length = 24) {
  return cut(printable(text.slice(0, length + 1)), length)
    .replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function plural(count, word) {
  return count === 1 ? `1 ${word}` : `${count} ${word}s`;
}
