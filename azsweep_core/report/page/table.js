// The table of trials: sorted by any column, a page of rows at a time.

const PAGE_ROWS = 100;

function columns() {
  const hasAttempts = sweep.trials.some(({ attempt }) => attempt > 1);
  return [
    { key: "number", name: "Trial", read: (trial) => trial.number, cell: (trial) => trialButton(trial.number, String(trial.number)) },
    { key: "state", name: "State", read: (trial) => stateOf(trial.state).words, cell: (trial) => badge(trial.state) },
    { key: "value", name: sweep.metric, read: (trial) => trial.value, cell: (trial) => valueCell(trial), isNumber: true },
    ...sweep.parameters.map(({ key }) => ({
      key: `p:${key}`, name: key, read: (trial) => parameterOf(trial, key), cell: (trial) => parameterCell(parameterOf(trial, key)),
      isNumber: sweep.trials.every((trial) => parameterOf(trial, key) === undefined || finite(parameterOf(trial, key)) !== null),
    })),
    { key: "duration", name: "Duration", read: (trial) => trial.duration_s, cell: (trial) => durationText(trial.duration_s), isNumber: true },
    ...(hasAttempts ? [{ key: "attempt", name: "Attempt", read: (trial) => trial.attempt, cell: (trial) => String(trial.attempt), isNumber: true }] : []),
    { key: "", name: "Links", cell: (trial) => element("span", { class: "links" }, ...spaced(linksOf(trial))) },
    { key: "reason", name: "Reason", read: (trial) => trial.reason || null, cell: (trial) => isolated(cut(printable((trial.reason ?? "").slice(0, 201)), 200)) },
  ];
}

function valueCell(trial) {
  if (trial.value === null) return "";
  return element("span", { title: String(trial.value) }, numberText(trial.value, 6));
}

function parameterCell(value) {
  return value === undefined ? "" : isolated(brief(value, 6, 60));
}

/** Numbers before text before what is missing, whatever the direction. */
function compare(a, b) {
  const kinds = [a, b].map((value) => (value === undefined || value === null ? 2 : finite(value) === null ? 1 : 0));
  if (kinds[0] !== kinds[1]) return { order: kinds[0] - kinds[1], isFixed: kinds.includes(2) };
  if (kinds[0] === 2) return { order: 0, isFixed: true };
  if (kinds[0] === 0) return { order: finite(a) - finite(b) };
  const [one, other] = [valueText(a), valueText(b)];
  return { order: one < other ? -1 : Number(one > other) };
}

function sorted(trials, column, isDown) {
  const keyed = trials.map((trial) => ({ trial, key: column.read(trial) }));
  keyed.sort((one, other) => {
    const { order, isFixed } = compare(one.key, other.key);
    return (isDown && !isFixed ? -order : order) || one.trial.number - other.trial.number;
  });
  return keyed.map(({ trial }) => trial);
}

/** The chosen order; at first the best value at the top. */
function order() {
  const key = view.get("sort", "value");
  const isDown = view.get("sort") ? view.get("down") === "1" : sweep.sign < 0;
  return { key, isDown };
}

class Table {
  constructor() {
    this.columns = columns();
    this.body = element("tbody");
    this.body.addEventListener("click", ({ target }) => {
      const row = target.closest("tr");
      if (row && !target.closest("a, button") && !String(getSelection())) openTrial(Number(row.dataset.trial));
    });
    this.head = element("tr");
    document.getElementById("table").append(
      element("caption", { class: "unseen" }, "Trials with their parameters"), element("thead", {}, this.head), this.body,
    );
    this.show();
    view.listen((names) => {
      if (["q", "off", "sort", "down", "page"].some((name) => names.has(name))) this.show();
      else if (names.has("trial")) this.mark();
    });
  }

  show() {
    const { key, isDown } = order();
    const column = this.columns.find((one) => one.key === key && one.read) ?? this.columns[0];
    this.showHead(column, isDown);
    const trials = sorted(view.shown, column, isDown);
    const pages = Math.max(Math.ceil(trials.length / PAGE_ROWS), 1);
    const page = Math.min(Math.max(Number(view.get("page", "1")) || 1, 1), pages);
    const rows = trials.slice((page - 1) * PAGE_ROWS, page * PAGE_ROWS).map((trial) => this.row(trial));
    const none = element("tr", {}, element("td", { colspan: this.columns.length, class: "empty" }, sweep.trials.length ? "No trial matches." : "No trial yet."));
    this.body.replaceChildren(...(rows.length ? rows : [none]));
    this.mark();
    showPages(page, pages, trials.length);
  }

  showHead(sortedBy, isDown) {
    const focused = document.activeElement?.closest("th")?.dataset.key;
    this.head.replaceChildren(...this.columns.map((column) => this.heading(column, column === sortedBy, isDown)));
    if (focused !== undefined) this.head.querySelector(`[data-key="${CSS.escape(focused)}"] button`)?.focus();
  }

  heading(column, isSorted, isDown) {
    const words = cut(printable(column.name), 40);
    if (!column.read) return element("th", { scope: "col" }, words);
    const button = element("button", { type: "button", title: cut(printable(column.name), 400) }, isolated(words));
    const arrow = element("span", { class: "arrow", "aria-hidden": "true" }, isSorted ? (isDown ? "▼" : "▲") : "");
    button[column.isNumber ? "prepend" : "append"](arrow); // so that the name ends where the numbers do
    button.addEventListener("click", () => view.set({ sort: column.key, down: isSorted && !isDown ? "1" : "0", page: "" }));
    return element("th", {
      scope: "col", "data-key": column.key, "aria-sort": isSorted ? (isDown ? "descending" : "ascending") : null,
      class: column.isNumber ? "number" : null,
    }, button);
  }

  row(trial) {
    return element("tr", { "data-trial": trial.number }, ...this.columns.map((column, i) => (
      element(i === 0 ? "th" : "td", { scope: i === 0 ? "row" : null, class: column.isNumber ? "number" : null }, column.cell(trial))
    )));
  }

  mark() {
    for (const row of this.body.rows) row.classList.toggle("open", Number(row.dataset.trial) === view.trial?.number);
  }
}

function showPages(page, pages, count) {
  const box = document.getElementById("pages");
  const hadFocus = box.contains(document.activeElement) ? document.activeElement.dataset.step : null;
  const button = (words, step, isOff) => element("button", {
    type: "button", "data-step": step, "aria-label": `${step < 0 ? "Previous" : "Next"} page`, disabled: isOff,
    onclick: () => view.set({ page: String(page + step) }),
  }, words);
  const first = Math.min((page - 1) * PAGE_ROWS + 1, count);
  box.hidden = pages === 1;
  box.replaceChildren(
    button("‹", -1, page === 1), element("span", {}, `${first}–${Math.min(page * PAGE_ROWS, count)} of ${count}`),
    button("›", 1, page === pages),
  );
  if (hadFocus) (box.querySelector(`[data-step="${hadFocus}"]:enabled`) ?? box.querySelector("button:enabled"))?.focus();
}
