// The top of the page: how the sweep stands, the best trial with the command that runs it again; at its end the spec.

function showSummary() {
  document.title = `${sweep.title} · sweep`;
  document.getElementById("title").replaceChildren(isolated(printable(sweep.title)));
  const state = document.getElementById("state");
  state.className = `standing standing-${["starting", "running"].includes(sweep.state) ? "live" : "final"}`;
  state.textContent = standing();
  document.getElementById("facts").replaceChildren(...facts().flatMap(([name, ...values]) => [
    element("dt", {}, name), element("dd", {}, ...values),
  ]));
  if (sweep.state === "interrupted") {
    const resume = command(`azsweep resume ${shellWord(sweep.directory)}`, "the command that resumes the sweep");
    document.getElementById("facts").before(element("div", { id: "resume" }, element("h3", {}, "Goes on with"), resume));
  }
  const how = sweep.mlflow?.how_to_open;
  if (how) document.getElementById("facts").after(element("h3", {}, "Opens MLflow"), command(how, "the command that opens MLflow"));
  document.getElementById("best-body").replaceChildren(...bestParts());
  showSpecification();
}

/** How the sweep stands and, if it is over, since when: by the reader's clock. */
function standing() {
  const { state, state_in_words: words, ended_s: end, is_final: isFinal } = sweep;
  const since = end === null ? "" : isFinal ? ` at ${clock(end)}` : `, last heard of at ${clock(end)}`;
  return printable(`${state}${since}${words && `: ${words}`}`);
}

const shellWord = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

function facts() {
  const isOver = ([state]) => !UNFINISHED.includes(state);
  const over = Object.entries(sweep.counts).filter(isOver).reduce((sum, [, one]) => sum + one, 0);
  const others = UNFINISHED.filter((state) => sweep.counts[state]).map((state) => `, ${sweep.counts[state]} ${stateOf(state).words}`);
  const trials = `${sweep.max_trials === null ? over : `${over} of ${sweep.max_trials}`} over${others.join("")}`;
  const used = durationText(sweep.used_s);
  const browsed = link("the sweep's run", sweep.mlflow?.run_url, { isWeb: true });
  return [
    ["Objective", `${sweep.objective.goal} `, isolated(printable(sweep.metric))],
    ["Trials", trials, progress(over, sweep.max_trials, "trials")],
    ["Time", sweep.timeout_s === null ? used : `${used} of ${durationText(sweep.timeout_s)}`, progress(sweep.used_s, sweep.timeout_s, "time")],
    ["Slots", String(sweep.slots)],
    ["Directory", isolated(printable(sweep.directory))],
    ...(browsed ? [["MLflow", browsed]] : []),
  ];
}

function progress(part, whole, what) {
  if (sweep.is_final || !whole) return null;
  return element("progress", { max: whole, value: Math.min(part, whole), "aria-label": `Part of all ${what}` });
}

function bestParts() {
  const { best } = sweep;
  if (!best) return [element("p", { class: "empty" }, sweep.trials.length ? "No trial has a value yet." : "No trial yet.")];
  const completed = sweep.byNumber.get(sweep.best_completed);
  const isOther = completed && completed.number !== best.number;
  return [
    element("p", { class: "best-value" }, element("span", {}, isolated(printable(sweep.metric))), " ",
      element("strong", {}, numberText(best.value, 6)), " ", trialButton(best.number, `trial ${best.number}`), " ",
      ...(sweep.bestTrial ? [badge(sweep.bestTrial.state)] : []), " ", ...spaced(linksOf(best))),
    isOther ? element("p", {}, "The best completed one is ", trialButton(completed.number, `trial ${completed.number}`),
      ` with ${numberText(completed.value, 6)}.`) : "",
    inlineValues(best.parameters),
    ...(best.run_again ? [element("h3", {}, "Run it again"), command(best.run_again, "the command that runs it again")] : []),
    ...(best.overrides ? [element("h3", {}, "As overrides"), command(best.overrides, "the command with overrides")] : []),
  ];
}

const spaced = (parts) => parts.flatMap((part) => [part, " "]);

function trialButton(number, words) {
  return element("button", { type: "button", class: "link", onclick: () => openTrial(number) }, words);
}

function showSpecification() {
  const section = document.getElementById("specification");
  section.querySelector("header").append(copyButton(sweep.spec, "the specification"));
  section.append(
    element("pre", { tabindex: "0", role: "group", "aria-label": "Specification" }, printable(sweep.spec, { lines: true })),
    ...(sweep.command ? [element("h3", {}, "Started with"), command(sweep.command, "the command that started the sweep")] : []),
  );
}
