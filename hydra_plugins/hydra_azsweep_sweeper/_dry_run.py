"""Shows the sweep that was asked for instead of running it: its space, its first trials, and what would go wrong.

Starts no trial, asks nobody to start one, and writes nothing but this page.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from azsweep_core._lines import Line, laid_out, shell_words
from azsweep_core._text import duration
from azsweep_core.command_line import key_of
from azsweep_core.errors import AzsweepError, SpecError
from azsweep_core.events import TrialSubmitted, WarmStarted
from azsweep_core.history import History
from azsweep_core.samplers import make_sampler
from azsweep_core.sampling_algorithm import SamplerType
from azsweep_core.space_words import size_in_words, space_in_words
from azsweep_core.spec import SweepSpec, to_mapping
from azsweep_core.spec_words import algorithm_in_words, when_it_acts
from azsweep_core.trial import Parameters, Trial, TrialState
from hydra_plugins.hydra_azsweep_sweeper._app import HydraApp
from hydra_plugins.hydra_azsweep_sweeper._check import compose_task_config
from hydra_plugins.hydra_azsweep_sweeper._dry_run_checks import (
    Found,
    check_devices,
    check_directory,
    check_launcher,
    check_store,
)
from hydra_plugins.hydra_azsweep_sweeper._dry_run_configs import look_at_configs
from hydra_plugins.hydra_azsweep_sweeper._overrides import trial_overrides
from hydra_plugins.hydra_azsweep_sweeper._request import Request, learnt, slots_of
from hydra_plugins.hydra_azsweep_sweeper._result import output, program
from hydra_plugins.hydra_azsweep_sweeper._resume import is_done
from hydra_plugins.hydra_azsweep_sweeper._settings import Settings, read_settings
from hydra_plugins.hydra_azsweep_sweeper.config import DEFAULTS

__all__ = ["dry_run", "with_surroundings"]

_LIMITS: Mapping[str, str] = {
    "max_total_trials": "max_total_trials",
    "max_concurrent_trials": "max_concurrent_trials",
    "timeout": "timeout_s",
    "trial_timeout": "trial_timeout_s",
    "max_retries": "max_retries",
    "max_failed_trials": "max_failed_trials",
    "max_failure_rate": "max_failure_rate",
    "fail_fast": "fail_fast",
}
_MOST_COLUMNS = 100


def dry_run(request: Request, app: HydraApp, run_name: str) -> None:
    """Print the page.

    Raises:
        AzsweepError: with everything that keeps the sweep from starting; the page is printed before.
    """
    page = _Page(request, app, run_name)
    sections = page.sections()
    problems = dict.fromkeys(page.found.problems)
    _print(
        sections, "" if problems else "Nothing was started, and nothing written. Without dry_run the sweep can start."
    )
    if problems:
        raise AzsweepError("\n".join(problems))


def with_surroundings(error: SpecError, app: HydraApp) -> AzsweepError:
    """The error, in a dry run with what is wrong around the sweep as well."""
    try:
        settings, _ = read_settings(app.config, os.environ)
    except SpecError:
        return error
    if settings.dry_run is None:
        return error
    found = Found()
    check_directory(settings, None, found)
    check_devices(settings, found)
    check_launcher(app, settings, None, found)
    return AzsweepError("\n".join(dict.fromkeys([str(error), *found.problems])))


def _print(sections: Mapping[str, Sequence[Line]], end: str) -> None:
    """Print the page; its lines are whole in a pipe."""
    with output() as stream:
        columns = min(shutil.get_terminal_size().columns, _MOST_COLUMNS) if stream.isatty() else None
        for title, lines in sections.items():
            print(title, *laid_out(lines, columns), "", sep="\n", file=stream)
        print(end, end="\n" if end else "", file=stream)


@dataclass(frozen=True, slots=True)
class _Page:
    request: Request
    app: HydraApp
    run_name: str
    found: Found = field(default_factory=Found)

    @property
    def _settings(self) -> Settings:
        return self.request.settings

    @property
    def _spec(self) -> SweepSpec:
        return self.request.spec

    def sections(self) -> dict[str, list[Line]]:
        """The lines by title."""
        sections = {
            "Search space": [*self._space()],
            "Sampling": [*self._sampling()],
            "Limits": [*self._limits()],
            "Where it runs": [*self._place()],
            **self._trials(),
        }
        sections["Configurations"] = [*self._configs()]
        if self.found.doubts:
            sections["Doubts"] = [Line("-", doubt) for doubt in dict.fromkeys(self.found.doubts)]
        return sections

    def _space(self) -> Iterator[Line]:
        spec = self._spec
        base = spec.sampling_algorithm.logbase
        space = spec.search_space if base is None else spec.search_space.with_logbase(base)
        loader = self.app.context.config_loader
        keys = [each.key for each in space.dimensions]
        yield from space_in_words(space, {key for key in keys if _is_group(loader, key)})
        yield Line("size", size_in_words(space, is_grid=spec.sampling_algorithm.type is SamplerType.GRID))
        if self.request.fixed:
            yield Line("every trial", shell_words(self.request.fixed), whole=True)

    def _sampling(self) -> Iterator[Line]:
        algorithm, policy, objective = self._spec.sampling_algorithm, self._spec.early_termination, self._spec.objective
        yield Line("algorithm", algorithm_in_words(algorithm))
        if algorithm.type is not SamplerType.GRID:
            drawn = "none: each start of a sweep draws one" if algorithm.seed is None else str(algorithm.seed)
            yield Line("seed", drawn)
        if self._spec.initial_points:
            yield Line("initial points", f"{len(self._spec.initial_points)}, tried first")
        yield Line("objective", f"{objective.goal.value} {objective.primary_metric}")
        if policy is None:
            yield Line("early termination", "none")
        else:
            yield Line("early termination", policy.in_words())
            when = when_it_acts(policy, objective.primary_metric)
            yield Line(
                "", f"judges a trial {when}; looks no more often than every {self._settings.poll_interval_s:g} s"
            )

    def _limits(self) -> Iterator[Line]:
        for name, attribute in _LIMITS.items():
            yield Line(name, f"{self._limit(name, getattr(self._spec.limits, attribute))} ({self._source(name)})")

    def _limit(self, name: str, value: Any) -> str:
        spec = self._spec
        slots = slots_of(spec, self._settings, self.app.config)
        if name == "max_total_trials" and value is None:
            return f"{spec.max_trials:,}, all points of the space"
        if name == "max_concurrent_trials":
            return str(slots) if value is not None else f"{slots}, {self._why_so_many()}"
        if value is None:
            return "none"
        if name in ("timeout", "trial_timeout"):
            return f"{value:g} s" if value < 60 else f"{value:g} s = {duration(value)}"
        return f"{value:g}" if isinstance(value, float) else f"{value:,}"

    def _why_so_many(self) -> str:
        if self._settings.jobs.is_shared:
            return "as far as the cluster has room"
        return "one a device" if self._settings.devices else "one a core"

    def _source(self, name: str) -> str:
        """Who has set a limit."""
        lines: Any = OmegaConf.to_container(self.app.config.hydra.overrides.hydra)
        typed = {key_of(line): line for line in lines}
        if f"hydra.sweeper.limits.{name}" in typed or name in _keys_in(typed.get("hydra.sweeper.limits")):
            return "command line"
        own = self._settings.spec.get("limits", {})
        default = DEFAULTS["limits"][name]  # type: ignore[index]
        if name in own and own[name] != default:
            return "config"
        of_job = self.request.job.spec.get("limits", {})
        return "job file" if name in of_job and name not in own else "default"

    def _place(self) -> Iterator[Line]:
        settings, recorded = self._settings, self.request.recorded
        check_directory(settings, recorded, self.found)
        yield Line("directory", str(settings.directory), whole=True)
        yield Line("", self._standing())
        yield from check_store(settings, settings.experiment_name, recorded, self.found)
        if settings.use_mlflow:
            goes_on = None if recorded is None else recorded.origin.mlflow_run_id
            yield Line("parent run", f"{self.run_name}, new" if goes_on is None else f"{goes_on} goes on")
        yield from check_launcher(self.app, settings, self._spec.limits.trial_timeout_s, self.found)
        check_devices(settings, self.found)
        yield Line("devices", ", ".join(settings.devices) or "not shared out")

    def _standing(self) -> str:
        """What is in the directory, and what becomes of it."""
        recorded, spec = self.request.recorded, self._spec
        if recorded is None:
            written = self.app.config.hydra.sweep._get_node("dir")  # noqa: SLF001 - as it was written
            now = "; it is named after the time of the start" if "${now:" in str(written._value()) else ""  # noqa: SLF001
            return f"{'is there' if self._settings.directory.exists() else 'is made'}, for a new sweep{now}"
        if is_done(recorded, to_mapping(spec), spec.max_trials):
            return f"holds a sweep that is over ({recorded.history.stop_reason}): its result would be shown"
        history = recorded.history
        done = history.finished - len(history.interrupted)
        again = len(history.active) + len(history.lost) + len(history.interrupted)
        rest = f"; {again} that had begun run again" if again else ""
        return f"holds an unfinished sweep, which goes on: {done} of {spec.max_trials} trials are over{rest}"

    def _trials(self) -> dict[str, list[Line]]:
        """The first that would run, under a title that says how sure that is."""
        most = self._settings.dry_run or 0
        first = _FirstTrials(self.request, most)
        try:
            points = first.points()
        except SpecError as error:  # of an earlier sweep in MLflow
            self.found.problems += map(str, error.problems)
            return {}
        except AzsweepError as error:
            self.found.problems.append(str(error))
            return {}
        lines = [Line(str(number), shell_words(self._by_hand(point)), whole=True) for number, point in points.items()]
        if not points and most and self._spec.sampling_algorithm.type is SamplerType.BAYESIAN and not first.is_over:
            return {"Next trials": [Line("none", "can be told: results decide which they are")]}
        if not points:
            return {}
        which = "trial" if len(points) == 1 else f"{len(points)} trials"
        title = f"First {which} of {self._spec.max_trials:,}" if first.number == 0 else f"Next {which}"
        if self.request.hooks is None:
            lines.append(Line("by hand", f"{program()}, and what stands beside the number", whole=True))
        elif self.request.job.task is not None and self.request.job.task.code is not None:
            lines.append(Line("by hand", f"in {self.request.job.task.code}, what stands beside the number", whole=True))
        return {f"{title}: {first.how_sure()}": [*first.notes(), *lines]}

    def _by_hand(self, point: Parameters) -> Sequence[str]:
        """A trial's overrides; of a job, its command."""
        overrides = trial_overrides(point, self.request.fixed)
        if self.request.hooks is None:
            return overrides
        return self.request.hooks.by_hand(
            compose_task_config(self.app.context.config_loader, self.app.config, overrides)
        )

    def _configs(self) -> Iterator[Line]:
        app, request = self.app, self.request
        configs = look_at_configs(app.context.config_loader, app.config, request.spec.search_space, request.fixed)
        values = "every value" if configs.is_all else f"the first {configs.count:,} values"
        number = "1 configuration" if configs.count == 1 else f"{configs.count:,} configurations"
        yield Line("composed", f"{number}, with {values} of every choice")
        if request.hooks is None:
            self.found.doubts += map(str, configs.doubts)


class _FirstTrials:
    """What the sampler answers before any trial of this start has ended.

    Args:
        number: of the first one.
    """

    def __init__(self, request: Request, most: int) -> None:
        self._request = request
        self._most = most
        self._algorithm = request.spec.sampling_algorithm.with_seed()
        recorded = request.recorded
        self._history = History(request.spec.objective) if recorded is None else recorded.history
        self.number = len(self._history)

    def points(self) -> dict[int, Parameters]:
        """By number.

        Raises:
            AzsweepError: if an earlier sweep to learn from cannot be read.
        """
        spec, history = self._request.spec, self._history
        earlier = learnt(self._request)
        if earlier:
            history.apply(WarmStarted(time_s=0.0, trials=earlier))
        sampler = make_sampler(self._algorithm, spec.search_space, spec.objective, spec.initial_points)
        end = self.number + self._most
        last = min(end, self._certain(), *([] if spec.max_trials is None else [spec.max_trials]))
        found: dict[int, Parameters] = {}
        for number in range(self.number, last):
            point = sampler.ask(number, history)
            if point is None:
                break
            history.apply(TrialSubmitted(time_s=0.0, number=number, attempt=1, parameters=point))
            found[number] = point
        return found

    def _certain(self) -> int:
        """The number of the first trial that may depend on results."""
        if self._algorithm.type is not SamplerType.BAYESIAN:
            return sys.maxsize
        from azsweep_core.samplers._bayesian import STARTUP_TRIALS

        startup = self._algorithm.n_startup_trials or STARTUP_TRIALS
        history = self._history
        without = sum(_is_without_result(trial) for trial in history.trials)
        return max(len(self._request.spec.initial_points), startup - len(history.earlier) + without)

    @property
    def is_over(self) -> bool:
        """Whether no trial is left to run."""
        most = self._request.spec.max_trials
        return most is not None and self.number >= most

    def how_sure(self) -> str:
        """Whether these are the trials that will run."""
        return "exactly these" if self._is_seed_given else "examples"

    def notes(self) -> Iterator[Line]:
        """What to know of them."""
        if not self._is_seed_given:
            yield Line(
                "seed", f"{self._algorithm.seed}, drawn now: the sweep draws another, unless it is given this one"
            )
        if self._algorithm.type is SamplerType.BAYESIAN:
            yield Line("later", "trials depend on results")

    @property
    def _is_seed_given(self) -> bool:
        return self._algorithm == self._request.spec.sampling_algorithm


def _is_without_result(trial: Trial) -> bool:
    """Whether a trial is over for good and tells the sampler nothing."""
    is_over = trial.state.is_final and not trial.interrupted
    return is_over and trial.value is None and trial.state is not TrialState.TERMINATED


def _keys_in(override: str | None) -> Collection[str]:
    """The keys of the mapping that an override gives, if it does."""
    if override is None:
        return ()
    (parsed,) = OverridesParser.create().parse_overrides([override])
    value = parsed.value()
    return value.keys() if isinstance(value, dict) else ()


def _is_group(loader: Any, key: str) -> bool:
    return bool(loader.get_group_options(key.lstrip("+").partition("@")[0]))
