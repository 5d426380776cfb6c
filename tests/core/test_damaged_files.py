"""Whatever the files that a sweep reads hold: it reads what they say, or ends in words; never anything else."""

from __future__ import annotations

import copy
import datetime as dt
import json
import math
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from azsweep_core import attempts, recovery
from azsweep_core._json_values import number_to_json
from azsweep_core._ledger_lines import decode, encode
from azsweep_core.control import ControlDir
from azsweep_core.errors import AzsweepError, SpecError
from azsweep_core.events import (
    AttemptLost,
    EndingKind,
    Event,
    StopRequested,
    SweepEnded,
    SweepResumed,
    SweepStarted,
    TrialBegan,
    TrialEnded,
    TrialMeasured,
    TrialSubmitted,
    WarmStarted,
)
from azsweep_core.history import History
from azsweep_core.job_file import Job, read_job
from azsweep_core.ledger import LEDGER, Ledger, read_ledger
from azsweep_core.metrics_file import MetricsReader
from azsweep_core.objective import Goal, Objective
from azsweep_core.replay import replay
from azsweep_core.spec import read_and_judge, read_sweep, to_mapping
from azsweep_core.trial import EarlierTrial, Measurement, StopRequest, TrialState

few = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
JOB_FILES = sorted((Path(__file__).parent / "job_files").glob("*.yml"))

NUMBERS = st.integers() | st.just(10**400) | st.floats() | st.booleans()
TELLING = st.sampled_from(["__float__", "__pairs__", "type", "nan", "returned", "returns", "completed", "\0", "\ud800"])
TEXTS = st.text(max_size=8) | TELLING
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
) | st.just("deep")
"""What JSON can hold; "deep" stands for more levels than Python can go down."""

SPEC = {"objective": {"primary_metric": "loss", "goal": "minimize"}, "search_space": {"x": math.inf}}
EVENTS: list[Event] = [
    SweepStarted(time_s=1.5, spec=SPEC, command=("python", "train.py"), working_dir="/home", tracking_uri="http://x"),
    WarmStarted(
        time_s=1.5,
        trials=(
            EarlierTrial(
                source="multirun/1",
                number=7,
                parameters={"lr": math.inf},
                state=TrialState.TERMINATED,
                value=0.25,
                last_value=0.5,
                reports=3,
            ),
        ),
    ),
    TrialSubmitted(time_s=2.0, number=0, attempt=1, parameters={"lr": 0.1, "+o": {1: "a"}}, mlflow_run_id="r0"),
    TrialBegan(time_s=2.5, number=0, directory="/tmp/sweep/0"),
    TrialSubmitted(time_s=2.5, number=1, attempt=1, parameters={"lr": 1}),
    TrialMeasured(number=0, measurements=(Measurement(3, 0.5, 2.6), Measurement(None, math.nan, 2.7))),
    AttemptLost(time_s=3.0, number=1, reason="node died", with_sweep=True),
    SweepResumed(time_s=3.0, used_s=1.5, spec=SPEC),
    TrialSubmitted(time_s=3.0, number=1, attempt=2, parameters={"lr": 1}),
    StopRequested(time_s=3.0, number=0, request=StopRequest(TrialState.TERMINATED, "bandit: too slow")),
    TrialEnded(time_s=4.0, number=0, state=TrialState.TERMINATED, reason="bandit: too slow"),
    TrialEnded(time_s=4.5, number=1, state=TrialState.FAILED, reason="line\nline", failure="ValueError: x"),
    SweepEnded(time_s=5.0, stop_reason="all 2 trials are done", kind=EndingKind.FINISHED),
]


@contextmanager
def directory() -> Iterator[Path]:
    """A fresh one for each example."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def dumped(document: Any, levels: int = 100_000) -> bytes:
    text = json.dumps(document)
    return text.replace('"deep"', "[" * levels + "]" * levels).encode()


def with_another_value(data: st.DataObject, document: Any) -> Any:
    """The document with one value of it, at any depth, replaced by any other, removed, or given company."""
    document = copy.deepcopy(document)
    node: Any = None
    key: Any = None
    value = document
    while isinstance(value, (dict, list)) and value and data.draw(st.integers(0, 3), label="go down"):
        node, key = value, data.draw(st.sampled_from(list(value) if isinstance(value, dict) else range(len(value))))
        value = node[key]
    if node is None:
        return data.draw(VALUES)
    if isinstance(node, dict) and data.draw(st.booleans()):
        del node[key]
    else:
        node[key] = data.draw(VALUES)
    return document


def words_of(call: Callable[[], object]) -> str:
    """What the call has against its files, in words; "fine" if nothing."""
    try:
        call()
    except AzsweepError as error:
        return str(error)
    return "fine"


def lines_of(events: list[Event]) -> list[bytes]:
    with directory() as place:
        ledger = Ledger(place / LEDGER)
        for event in events:
            ledger.append(event)
        ledger.close()
        return (place / LEDGER).read_bytes().splitlines(keepends=True)


LINES = lines_of(EVENTS)


class TestLedger:
    @few
    @given(st.lists(st.sampled_from(LINES) | st.binary(max_size=40), max_size=12).map(b"".join))
    def test_any_bytes_are_a_history_or_an_error_in_words(self, content: bytes) -> None:
        with directory() as place:
            (place / LEDGER).write_bytes(content)
            assert words_of(lambda: replay(place)).startswith((f"{place / LEDGER}:", "fine"))

    @few
    @given(st.data())
    def test_lines_lost_doubled_swapped_or_changed_are_a_history_or_an_error_in_words(
        self, data: st.DataObject
    ) -> None:
        lines = list(LINES)
        for _ in range(data.draw(st.integers(1, 3))):
            at, to = (data.draw(st.integers(0, len(lines) - 1)) for _ in range(2))
            match data.draw(st.sampled_from(["lost", "doubled", "swapped", "changed"])):
                case "lost":
                    del lines[at : to + 1]
                case "doubled":
                    lines[to:to] = [lines[at]]
                case "swapped":
                    lines[at], lines[to] = lines[to], lines[at]
                case "changed":
                    lines[at] = dumped(with_another_value(data, json.loads(LINES[min(at, to) % len(LINES)]))) + b"\n"
            lines = lines or list(LINES)

        with directory() as place:
            (place / LEDGER).write_bytes(b"".join(lines))
            assert words_of(lambda: replay(place)).startswith((f"{place / LEDGER}:", "fine"))

    @few
    @given(st.data())
    def test_an_event_says_what_its_line_says_or_there_is_none(self, data: st.DataObject) -> None:
        """Nothing is read as something else, as a text for a number: only what is not known is left out."""
        document = with_another_value(data, json.loads(data.draw(st.sampled_from(LINES))))

        try:
            event = decode(dumped(document))
        except ValueError:
            return

        assert same(json.loads(dumped(encode(event))), document)

    @pytest.mark.parametrize(
        "wrong",
        [
            {"event": "trial_measured", "number": 0, "measurements": [["3", 0.5, 1]]},
            {"event": "trial_measured", "number": 0, "measurements": [[2.5, 0.5, 1]]},
            {"event": "trial_measured", "number": 0, "measurements": ["123"]},
            {"event": "trial_submitted", "time_s": 1, "number": 0, "attempt": 1, "parameters": {"x": {"__float__": 1}}},
            {
                "event": "trial_submitted",
                "time_s": 1,
                "number": 0,
                "attempt": 1,
                "parameters": {"x": {"__pairs__": ["ab"]}},
            },
            {"event": "sweep_resumed", "schema": 2, "time_s": 1, "used_s": 1, "spec": {}, "command": "train.py"},
        ],
        ids=("step", "fraction", "report", "float", "pairs", "command"),
    )
    def test_a_value_of_another_type_is_never_taken_for_the_right_one(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match=r"not|no "):
            decode(dumped(wrong))

    @few
    @given(st.integers(0, len(LINES) - 2), st.data())
    def test_a_middle_line_that_is_torn_is_an_error_that_names_it(self, at: int, data: st.DataObject) -> None:
        cut = data.draw(st.integers(1, len(LINES[at]) - 2))
        with directory() as place:
            (place / LEDGER).write_bytes(b"".join([*LINES[:at], LINES[at][:cut] + b"\n", *LINES[at + 1 :]]))

            with pytest.raises(AzsweepError, match=rf":{at + 1}: must be an event of a sweep"):
                list(read_ledger(place / LEDGER))


def same(written: Any, read: Any) -> bool:
    """Whether all that one of them has in common with the other is equal, and of the same type but for 1 and 1.0."""
    if isinstance(written, dict) and isinstance(read, dict):
        return all(same(value, read[key]) for key, value in written.items() if key in read)
    if isinstance(written, list) and isinstance(read, list):
        return len(written) == len(read) and all(map(same, written, read))
    if isinstance(written, bool) or isinstance(read, bool) or not isinstance(read, (int, float)):
        return type(written) is type(read) and bool(written == read)
    return bool(read == written or written == str(float(read)) or written == float(read))


class TestControlFiles:
    DOCUMENTS: ClassVar[dict[str, Any]] = {
        "result.json": [
            {"outcome": "returned", "returned": {"": 0.5, "b": "nan"}, "began_s": 1.0, "directory": "/x"},
            {"outcome": "raised", "exception": "E", "message": "m", "began_s": 1.0, "directory": "/x"},
            {"outcome": "judged", "state": "failed", "reason": "r", "failure": None},
            {"outcome": "stopped", "reason": "r"},
        ],
        "heartbeat": [{"began_s": 1.0, "directory": "/x", "output_from": 0, "idle_s": 1.0}],
        "stop": [{"state": "terminated", "reason": "r", "by_user": False, "grace_s": 1.0}],
        "exit.json": [{"status": -9}],
        "launch_error.json": [{"exception": "E", "message": "m", "traceback": "t"}],
        "job.json": [{"slurm_job": "7"}],
        "launch.json": [{"parameters": {"x": 1}, "mlflow_run_id": None}],
    }

    @few
    @given(st.data())
    def test_an_end_is_one_that_its_files_tell_and_no_success_unless_one_was_written(self, data: st.DataObject) -> None:
        with directory() as place:
            control = ControlDir.create(place, 0, 1)
            results = []
            for name in data.draw(st.sets(st.sampled_from(["result.json"] * 3 + list(self.DOCUMENTS)), max_size=3)):
                document = data.draw(st.sampled_from(self.DOCUMENTS[name]))
                if data.draw(st.integers(0, 3)):
                    document = with_another_value(data, document)
                content = dumped(document) if data.draw(st.integers(0, 7)) else data.draw(st.binary(max_size=30))
                (control.path / name).write_bytes(content)
                results += [document] if name == "result.json" and content == dumped(document) else []
            control.output_file.write_bytes(b"printed\n")

            attempts.began(control, 0)
            reports = [attempts.ended(control, 0, 0, None), attempts.left_behind(control, 0)]
            control.stop_grace_s()
            attempts.refuse_job_of_another(control, 0, "slurm_job")
            self.take_as_lost(place)

        for report in reports:
            if report.state is TrialState.COMPLETED and not report.lost:
                assert [each["outcome"] for each in results] == ["returned"]
                assert same(
                    {name: number_to_json(each) for name, each in report.returned.items()}, results[0]["returned"]
                )

    def take_as_lost(self, place: Path) -> None:
        words = words_of(lambda: list(recovery.unrecorded(History(Objective("loss", Goal.MINIMIZE)), place, 1.0)))
        where = f"{place}/.azsweep/trials/0/1/launch.json"
        assert words.startswith((f"{where}: must be as the sweep wrote it. ", "fine"))

    @few
    @given(st.data())
    def test_what_a_task_reported_can_be_recorded(self, data: st.DataObject) -> None:
        report = {"name": "loss", "value": 0.5, "step": 1, "time_s": 1.0}
        with directory() as place:
            (place / "metrics.jsonl").write_bytes(
                b"".join(dumped(with_another_value(data, report)) + b"\n" for _ in range(3))
            )

            found = [each for _, each in MetricsReader(place / "metrics.jsonl").news()]

        event = TrialMeasured(number=0, measurements=tuple(found))
        assert repr(decode(dumped(encode(event)))) == repr(event)


YAML_VALUES = (
    VALUES
    | st.dates()
    | st.binary(max_size=4)
    | st.just(dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc))
    | st.just({1, "a"})
)
SWEEP = {
    "search_space": {
        "lr": {"type": "loguniform", "min_value": -6.9, "max_value": -2.3},
        "model": {"type": "choice", "values": [{"name": "mlp", "units": {"type": "randint", "upper": 8}}, "linear"]},
        "opt": "choice(adam, sgd)",
        "n": {"type": "quniform", "min_value": 1, "max_value": 8, "q": 2},
    },
    "sampling_algorithm": {"type": "bayesian", "seed": 1, "surrogate": "mixed"},
    "objective": {"primary_metric": "loss", "goal": "minimize"},
    "limits": {"max_total_trials": 20, "max_concurrent_trials": 4, "timeout": 7200, "trial_timeout": 600},
    "early_termination": {"type": "bandit", "slack_factor": 0.1, "delay_evaluation": 5},
    "zip": [["opt", "n"]],
    "initial_points": [{"lr": 0.1}],
}


NO_JOB_FILES = (
    "!!bool maybe",
    "!!int ''",
    "!!timestamp x",
    "a: 0001-01-01T00:00:00+23:59",
    "[" * 600,
    "\xff",
    "\0",
    "&a [*a]",
    "!!python/object/apply:os.system ['touch pwned']",
    "!!python/name:os.system",
)


class TestSpecification:
    @few
    @given(st.data())
    def test_any_mapping_is_a_specification_or_its_problems_in_words(self, data: st.DataObject) -> None:
        mapping = data.draw(st.dictionaries(st.sampled_from(sorted(SWEEP)) | TEXTS, YAML_VALUES, max_size=4))
        self.read(mapping)

    @few
    @given(st.data())
    def test_so_is_a_sound_one_of_which_a_part_was_changed(self, data: st.DataObject) -> None:
        mapping: Any = SWEEP
        for _ in range(data.draw(st.integers(1, 2))):
            mapping = with_another_value(data, mapping)
        self.read(mapping)

    def read(self, mapping: Any) -> None:
        assert words_of(lambda: to_mapping(read_sweep(mapping)))
        *_, judgement = read_and_judge(mapping, lambda _: ({}, ()))
        for problem in (*judgement.errors, *judgement.warnings):
            assert str(problem)

    @pytest.mark.parametrize("content", NO_JOB_FILES, ids=range(len(NO_JOB_FILES)))
    def test_what_is_no_job_file_is_told_in_words(self, content: str, tmp_path: Path) -> None:
        """Nothing in it is run, either."""
        (tmp_path / "job.yml").write_text(content, encoding="latin-1")

        with pytest.raises(SpecError, match=rf"^{tmp_path}/job\.yml(:\d+)?: "):
            read_job(tmp_path / "job.yml")
        assert not Path("pwned").exists()

    @few
    @given(st.data())
    def test_a_job_file_is_a_job_or_its_problems_in_words(self, data: st.DataObject) -> None:
        document = yaml.safe_load(data.draw(st.sampled_from(JOB_FILES)).read_text(encoding="utf-8"))
        for _ in range(data.draw(st.integers(1, 2))):
            document = with_another_value(data, document)
        with directory() as place:
            path = place / "job.yml"
            path.write_bytes(dumped(document, levels=200))
            assert words_of(lambda: self.read_all(read_job(path)))

    def read_all(self, job: Job) -> None:
        assert all(str(problem) for problem in (*job.validate(), *job.warnings()))
        self.read(job.spec_mapping)
