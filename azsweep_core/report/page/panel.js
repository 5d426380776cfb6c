// The open trial beside the page: all that is known of it.

let opener = null;

/** Open a trial from where the focus is, which comes back to it at the end. */
function openTrial(number) {
  opener = document.activeElement;
  view.set({ trial: String(number) });
  document.getElementById("trial-heading")?.focus();
}

function closeTrial() {
  view.set({ trial: "" });
  if (opener?.isConnected) opener.focus();
  opener = null;
}

function watchPanel() {
  showPanel();
  view.listen((names) => {
    if (names.has("trial")) showPanel();
  });
  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && view.trial) closeTrial();
  });
}

function showPanel() {
  const panel = document.getElementById("trial");
  const { trial } = view;
  panel.hidden = !trial;
  document.body.classList.toggle("with-panel", Boolean(trial));
  if (!trial) {
    panel.replaceChildren();
    return;
  }
  panel.replaceChildren(
    element("header", {},
      element("h2", { id: "trial-heading", tabindex: "-1" }, `Trial ${trial.number}`), badge(trial.state),
      element("button", { type: "button", class: "close", "aria-label": "Close", onclick: closeTrial }, "✕")),
    ...(trial.reason ? [element("p", { class: "reason", ...reachable(trial.reason) }, printable(trial.reason, { lines: true }))] : []),
    element("dl", {}, ...panelFacts(trial).flatMap(([name, text]) => [element("dt", {}, name), element("dd", {}, text)])),
    element("p", { class: "links" }, ...spaced(linksOf(trial))),
    element("h3", {}, "Parameters"), valuesList(trial.parameters),
  );
}

function panelFacts(trial) {
  const rank = trial.value === null ? 0 : sweep.values.indexOf(trial.value) + 1;
  const total = trial.reports_total ?? 0;
  return [
    [isolated(printable(sweep.metric)), trial.value === null ? "none" : `${numberText(trial.value, 8)} (${rank} of ${sweep.values.length})`],
    ["Attempt", trial.attempt > 1 ? String(trial.attempt) : null],
    ["Started", trial.started_s === null ? null : clock(trial.started_s)],
    ["Duration", durationText(trial.duration_s)],
    ["Reports", total ? String(total) : null],
    ["Directory", trial.dir && isolated(printable(trial.dir))],
    ["MLflow run", trial.run_id && isolated(printable(trial.run_id))],
  ].filter(([, text]) => text);
}
