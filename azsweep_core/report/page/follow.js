// While the sweep runs: how old the page is, and reading it anew every so often, unless the reader is busy with it.

const RELOAD_S = 20;
const BUSY_S = 4;

function watchSweep() {
  const written = document.getElementById("written");
  const ago = () => Math.max(Date.now() / 1000 - sweep.written_s, 0);
  const tell = () => {
    written.textContent = sweep.is_final ? `Written ${clock(sweep.written_s)}` : `Written ${durationText(Math.round(ago()))} ago`;
    written.title = clock(sweep.written_s);
  };
  tell();
  restorePlace();
  if (sweep.is_final) return;
  setInterval(tell, 1000);
  if (["interrupted", "unknown"].includes(sweep.state)) return; // nobody writes the page any more
  const box = document.getElementById("follow");
  document.getElementById("follow-label").hidden = false;
  box.checked = view.get("follow") !== "0";
  box.addEventListener("change", () => view.set({ follow: box.checked ? "" : "0" }));
  reloadWhenIdle(() => box.checked);
}

function reloadWhenIdle(isWanted) {
  const opened = performance.now();
  let touched = -Infinity;
  for (const kind of ["pointerdown", "pointermove", "keydown", "wheel", "input"]) {
    addEventListener(kind, () => (touched = performance.now()), { passive: true, capture: true });
  }
  setInterval(() => {
    const isBusy = performance.now() - touched < BUSY_S * 1000 || String(getSelection()) || document.hidden;
    if (isWanted() && !isBusy && performance.now() - opened >= RELOAD_S * 1000) reload();
  }, 500);
}

function reload() {
  const focused = document.activeElement?.id || null;
  const camera = document.querySelector("#scatter3 .plot")?.layout?.scene?.camera ?? null;
  keepPlace({ y: scrollY, focused, camera });
  location.reload();
}

function keepPlace(place) {
  try {
    history.replaceState(place, "");
  } catch {
    // a page inside another may not have an address of its own
  }
}

function restorePlace() {
  history.scrollRestoration = "manual";
  const { y, focused } = history.state ?? {};
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  if (y) scrollTo({ top: y, behavior: "instant" });
}
