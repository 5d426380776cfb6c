// Small parts of the page: elements whose text is always text, buttons that copy, links that can only be links.

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== null && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** Lets the keyboard scroll what may be too long for its place. */
const reachable = (text) => (text.length > 300 ? { tabindex: "0" } : {});

/** A value that cannot turn around the text beside it. */
const isolated = (text) => element("bdi", {}, text);

/** Words for those who hear the page. */
function say(text) {
  document.getElementById("said").textContent = text;
}

async function toClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = element("textarea", { class: "unseen", "aria-hidden": "true", tabindex: "-1" });
    field.value = text;
    const focused = document.activeElement;
    document.body.append(field);
    field.select();
    const isCopied = document.execCommand("copy");
    field.remove();
    focused?.focus();
    return isCopied;
  }
}

function copyButton(text, what) {
  const button = element("button", { type: "button", class: "copy", "aria-label": `Copy ${what}` }, "Copy");
  button.addEventListener("click", async () => {
    const isCopied = await toClipboard(text);
    button.textContent = isCopied ? "Copied" : "Select it, then Ctrl+C";
    say(isCopied ? `Copied ${what}` : `Could not copy ${what}`);
    setTimeout(() => (button.textContent = "Copy"), 2000);
  });
  return button;
}

/** Text to be copied, with its button. */
function command(text, what) {
  const code = element("code", { tabindex: "0" }, printable(text, { lines: true }));
  return element("div", { class: "command" }, code, copyButton(text, what));
}

/** True in a frame that may open nothing, as the viewer of MLflow's artifacts is. Files are not beside the page there. */
const isShutIn = window !== window.top && origin === "null";

/** A link to a file or, with `isWeb`, to a page; null for what is neither. */
function link(words, address, { isWeb = false } = {}) {
  if (typeof address !== "string" || address === "") return null;
  const [, scheme] = /^([a-z][a-z0-9+.-]*):/i.exec(address.trim()) ?? [];
  const isFine = isWeb ? /^https?$/i.test(scheme ?? "") : scheme === undefined || scheme.toLowerCase() === "file";
  if (!isFine || (isShutIn && !isWeb)) return null;
  const made = element("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, words);
  if (isShutIn) made.addEventListener("click", (event) => copyInstead(event, made, words));
  return made;
}

/** What a click on a link does where it could open nothing. */
async function copyInstead(event, made, words) {
  event.preventDefault();
  const isCopied = await toClipboard(made.href);
  made.textContent = isCopied ? "address copied" : "opens with a right click";
  say(made.textContent);
  setTimeout(() => (made.textContent = words), 2000);
}

function linksOf(trial) {
  return [link("directory", trial.href), link("MLflow", trial.run_url, { isWeb: true })].filter(Boolean);
}

function badge(state) {
  const { sign, words } = stateOf(state);
  return element("span", { class: `badge state-${Object.hasOwn(STATES, state) ? state : "other"}` },
    element("span", { class: "sign", "aria-hidden": "true" }, sign), words);
}

/** Values beside each other, where their names are the point. */
function inlineValues(parameters) {
  const entries = Object.entries(parameters);
  return element("dl", { class: "inline", tabindex: entries.length > 10 ? "0" : null }, ...entries.map(([key, value]) => element("div", {},
    element("dt", {}, isolated(cut(printable(key), 60))), element("dd", { title: cut(valueText(value), 1000) }, isolated(brief(value, 6, 200))),
  )));
}

function valuesList(parameters) {
  return element("dl", { class: "values" }, ...Object.entries(parameters).flatMap(([key, value]) => [
    element("dt", {}, isolated(cut(printable(key), 300))),
    element("dd", reachable(valueText(value)), isolated(printable(valueText(value), { lines: true }))),
  ]));
}
