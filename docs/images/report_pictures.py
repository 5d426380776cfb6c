"""Makes report-light.png and report-dark.png beside this file out of a sweep's report, in the tests' browser.

The pictures show a sweep of examples/digits_mlp:

    python train.py --multirun +experiment=sweep hydra.sweeper.sampling_algorithm=bayesian \
      hydra.sweeper.limits.max_total_trials=100 hydra.sweeper.limits.max_concurrent_trials=3 \
      hydra.sweeper.early_termination.slack_factor=1 hydra.sweep.dir=multirun/digits
    azsweep report multirun/digits
    python docs/images/report_pictures.py multirun/digits
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from PIL import Image

from tests.browser import chromium
from tests.browser.pages import look_at_all

HERE = Path(__file__).parent
BELOW_THE_TABLE = "document.getElementById('specification').getBoundingClientRect().top + scrollY"


def main(directory: Path) -> None:
    with tempfile.TemporaryDirectory() as folder, chromium.running(Path(folder, "profile")) as browser:
        for theme in ("light", "dark"):
            browser.prefer(prefers_color_scheme=theme)
            browser.open(directory.resolve() / "report.html")
            browser.wait_for("!document.getElementById('report').hidden")
            look_at_all(browser)
            browser.run("return new Promise((done) => setTimeout(done, 1000))")  # three dimensions take a moment
            path = browser.screenshot(HERE / f"report-{theme}.png")
            height = browser.run(f"return {BELOW_THE_TABLE}")
            with Image.open(path) as picture:
                upper = picture.convert("RGB").crop((0, 0, picture.width, int(height)))
            small = upper.quantize(256, dither=Image.Dither.NONE)
            small.save(path, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
