// What the reader has chosen: filter, order, axes, theme, open trial. Kept in the address, so that a reload keeps it.

class View {
  #choices;
  #listeners = [];

  constructor(sweep) {
    this.sweep = sweep;
    this.#choices = new URLSearchParams(location.hash.slice(1));
    this.#filter();
  }

  get(name, otherwise = "") {
    return this.#choices.get(name) ?? otherwise;
  }

  /** Take choices over; an empty one is the default. Everyone who listens learns their names. */
  set(choices) {
    for (const [name, value] of Object.entries(choices)) {
      if (value === "" || value === null) this.#choices.delete(name);
      else this.#choices.set(name, value);
    }
    this.#keep();
    const names = new Set(Object.keys(choices));
    if (names.has("q") || names.has("off")) this.#filter();
    for (const listener of this.#listeners) listener(names);
  }

  listen(listener) {
    this.#listeners.push(listener);
  }

  /** The states that are switched off. */
  get off() {
    return new Set(this.get("off").split(",").filter(Boolean));
  }

  get isFiltered() {
    return this.shown.length < this.sweep.trials.length;
  }

  get log() {
    return this.sweep.canLog && (this.get("log") ? this.get("log") === "1" : this.sweep.wantsLog);
  }

  /** The open trial, if there is one. */
  get trial() {
    return this.get("trial") === "" ? null : this.sweep.byNumber.get(Number(this.get("trial"))) ?? null;
  }

  get isDark() {
    const chosen = this.get("theme");
    return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  }

  shadeOf(trial) {
    return this.sweep.shadeOf(trial, this.log);
  }

  #filter() {
    const matches = matcher(this.get("q"), this.sweep);
    const off = this.off;
    this.shown = this.sweep.trials.filter((trial) => !off.has(trial.state) && matches(trial));
  }

  #keep() {
    const hash = this.#choices.toString();
    try {
      history.replaceState(history.state, "", `#${hash}`);
    } catch {
      // a page inside another may not have an address of its own
    }
  }
}
