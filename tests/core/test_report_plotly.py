"""Without plotly, or with a damaged one, there is no report, and a sweep runs as ever."""

from __future__ import annotations

import logging
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from azsweep_core.errors import AzsweepError
from azsweep_core.replay import replay
from azsweep_core.report import report_line
from azsweep_core.report._html import write_report
from azsweep_core.report._report_data import Moment
from tests.core.reports import OVER, Kept, ended, started, submitted


class TestWithoutPlotly:
    @pytest.fixture(autouse=True)
    def no_plotly(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "plotly", None)

    def test_the_sweep_runs_as_ever_and_one_line_says_how_to_get_the_report(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        sweep = Kept(tmp_path)

        sweep.happens(started(), submitted(0), ended(0), OVER)

        assert not sweep.file.exists()
        assert caplog.records == []
        assert report_line(tmp_path) == "report: none, for plotly is not installed; pip install 'hydra-azsweep[report]'"

    def test_asking_for_a_report_is_refused_with_the_remedy(self, tmp_path: Path) -> None:
        Kept(tmp_path).happens(started(), submitted(0))
        recorded = replay(tmp_path)
        assert recorded is not None
        moment = Moment(written_s=0.0, state="running", state_in_words="", until_s=None)

        with pytest.raises(AzsweepError) as refused:
            write_report(tmp_path, recorded, moment)

        words = "There can be no report: plotly is not installed; pip install 'hydra-azsweep[report]'"
        assert str(refused.value) == words


@pytest.mark.parametrize("kind", ["lacks its library", "an import hook raises"])
def test_a_plotly_that_is_damaged_ends_no_sweep(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Hook(MetaPathFinder):
        def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
            if name != "plotly":
                return None
            if kind == "an import hook raises":
                raise RuntimeError("no\nplotly")
            return ModuleSpec("plotly", None, is_package=True)

    monkeypatch.delitem(sys.modules, "plotly", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Hook(), *sys.meta_path])
    sweep = Kept(tmp_path)

    sweep.happens(started(), submitted(0), ended(0), OVER)

    assert not sweep.file.exists()
    assert (
        report_line(tmp_path)
        == {
            "lacks its library": "report: none, for plotly lacks package_data/plotly.min.js; "
            "pip install --force-reinstall plotly",
            "an import hook raises": "report: none, for looking for plotly failed: RuntimeError: no plotly",
        }[kind]
    )


def test_with_plotly_the_line_says_where_the_report_is(tmp_path: Path) -> None:
    assert report_line(tmp_path) == f"report: {tmp_path}/report.html"
