"""The compute name of a job stands for a launcher, which the user's table says; and so do its resources."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from hydra_plugins.hydra_azsweep_sweeper._compute import Compute
from tests.plugin.conftest import App
from tests.plugin.in_process import assert_refused, compute_of, refuse, refused

JOB = {
    "type": "sweep",
    "compute": "azureml:cpu-cluster",
    "search_space": {"x": {"type": "uniform", "min_value": 0, "max_value": 1}},
    "objective": {"primary_metric": "loss", "goal": "minimize"},
    "sampling_algorithm": "random",
    "limits": {"max_total_trials": 3, "max_concurrent_trials": 1, "trial_timeout": 900},
    "trial": {"command": "python train.py x=${{search_space.x}}", "environment": "azureml:e:1"},
}
SLURM = {"hydra/launcher": "submitit_slurm", "partition": "cpu"}
SPOT = {"job_tier": {"spot": {"qos": "preemptible", "additional_parameters": {"requeue": True}}}}
LOW = {"priority": {"low": {"additional_parameters": {"nice": 1000}}}}


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the user's own table would be."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    return home / "azsweep" / "compute.yaml"


def write(file: Path, content: Any) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")


def use(app: App, table: Any = None, *, launcher: str = "basic", **job: Any) -> str:
    """An app with this table and this job, for which it gives the argument."""
    written = {name: value for name, value in {**JOB, **job}.items() if value is not None}
    write(app.directory / "job.yml", written)
    sweeper = {} if table is None else {"compute": table}
    app.write("return 0.0", {"x": 1.0}, sweeper=sweeper, defaults=({"override hydra/launcher": launcher},))
    return "hydra.sweeper.job=job.yml"


def launcher_of(compute: Compute) -> dict[str, Any]:
    """What differs from a launcher's own defaults, of what these tests set."""
    assert compute.problems == ()
    plain: Any = OmegaConf.to_container(compute.config.hydra.launcher)
    defaults: dict[str, Any] = {
        "partition": None,
        "nodes": 1,
        "qos": None,
        "additional_parameters": {},
        "cpus_per_task": None,
    }
    said = {name: plain[name] for name, value in defaults.items() if plain.get(name, value) != value}
    return {"launcher": compute.config.hydra.runtime.choices["hydra/launcher"], **said}


class TestTable:
    @pytest.mark.parametrize(
        "name",
        [
            pytest.param("cpu-cluster", id="plain"),
            pytest.param("azureml:cpu-cluster", id="with-azureml"),
            pytest.param(
                "azureml:/subscriptions/1/resourceGroups/g/providers/p/workspaces/w/computes/cpu-cluster", id="full-id"
            ),
        ],
    )
    def test_the_launcher_and_its_options_are_those_of_the_entry(self, app: App, name: str) -> None:
        job = use(app, {"cpu-cluster": {**SLURM, "cpus_per_task": 2}, "gpu": {}}, compute=name)

        compute = compute_of(app, job)

        assert launcher_of(compute) == {"launcher": "submitit_slurm", "partition": "cpu", "cpus_per_task": 2}
        assert compute.notes == ("job: trials run with hydra/launcher=submitit_slurm partition=cpu cpus_per_task=2.",)

    @pytest.mark.parametrize("text", ["", "# cpu-cluster: {hydra/launcher: submitit_slurm}\n"])
    def test_a_file_that_says_nothing_changes_nothing(self, app: App, home: Path, text: str) -> None:
        write(home, text)

        assert launcher_of(compute_of(app, use(app))) == {"launcher": "basic"}

    def test_on_the_command_line(self, app: App) -> None:
        job = use(app)

        compute = compute_of(
            app, job, "hydra.sweeper.compute.cpu-cluster={hydra/launcher: submitit_slurm, partition: cpu}"
        )

        assert launcher_of(compute) == {"launcher": "submitit_slurm", "partition": "cpu"}

    @pytest.mark.parametrize(
        ("own", "file", "expected"),
        [
            pytest.param({}, SLURM, {"launcher": "submitit_slurm", "partition": "cpu"}, id="file-alone"),
            pytest.param(
                {"partition": "mine"},
                {**SLURM, "qos": "q"},
                {"launcher": "submitit_slurm", "partition": "mine", "qos": "q"},
                id="own-wins-key-by-key",
            ),
            pytest.param(
                {"hydra/launcher": "submitit_local", "cpus_per_task": 1},
                SLURM,
                {"launcher": "submitit_local", "cpus_per_task": 1},
                id="another-launcher-has-other-options",
            ),
            pytest.param(None, SLURM, {"launcher": "basic"}, id="null-takes-the-entry-away"),
        ],
    )
    def test_of_the_user_and_of_the_sweep(self, app: App, home: Path, own: Any, file: Any, expected: Any) -> None:
        write(home, {"cpu-cluster": file})
        job = use(app, {"cpu-cluster": own})

        assert launcher_of(compute_of(app, job)) == expected

    def test_what_is_typed_wins(self, app: App) -> None:
        job = use(app, {"cpu-cluster": SLURM}, launcher="submitit_slurm")

        compute = compute_of(app, job, "hydra.launcher.partition=debug")

        assert launcher_of(compute) == {"launcher": "submitit_slurm", "partition": "debug"}
        assert compute.notes == ("job: trials run with hydra/launcher=submitit_slurm partition=debug.",)

    def test_a_launcher_that_is_typed_stays(self, app: App) -> None:
        job = use(app, {"cpu-cluster": SLURM})

        compute = compute_of(app, job, "hydra/launcher=submitit_local")

        assert (launcher_of(compute), compute.notes) == ({"launcher": "submitit_local"}, ())

    def test_trials_compose_their_configs_with_the_new_launcher(self, app: App) -> None:
        """Hydra does so from what it has recorded of the command line."""
        job = use(app, {"cpu-cluster": SLURM})

        recorded = compute_of(app, job, "+y=1").config.hydra.overrides

        assert recorded.hydra[:2] == ["hydra/launcher=submitit_slurm", "++hydra.launcher.partition=cpu"]
        assert recorded.task == ["+y=1"]

    def test_the_sweep_keeps_its_moment(self, app: App) -> None:
        """`${now:...}` in the sweep's directory was read before, by the app's callbacks maybe."""
        job = use(app, {"cpu-cluster": SLURM})

        compute_of(app, job, "hydra.sweep.dir=${now:%H-%M-%S-%f}")  # which looks

    def test_a_sweep_that_is_exported_runs_nowhere(self, app: App) -> None:
        job = use(app, {"cpu-cluster": SLURM})

        assert launcher_of(compute_of(app, job, "hydra.sweeper.export=azure.yml")) == {"launcher": "basic"}

    def test_without_a_job_nothing_is_looked_up(self, app: App, home: Path) -> None:
        write(home, "nonsense: [")
        use(app, {"cpu-cluster": "nonsense"})

        assert launcher_of(compute_of(app)) == {"launcher": "basic"}


class TestWithoutAnEntry:
    def test_trials_run_as_they_would_and_the_log_says_how_to_change_that(self, app: App, home: Path) -> None:
        compute = compute_of(app, use(app, {"gpu": SLURM}))

        assert launcher_of(compute) == {"launcher": "basic"}
        assert " ".join(compute.notes) == (
            "job: compute cpu-cluster stands for no launcher (known: gpu), so trials run with hydra/launcher=basic. To "
            "say for which one it stands: hydra.sweeper.compute.cpu-cluster={hydra/launcher: submitit_slurm, "
            f"partition: NAME}}, or the same in {home}."
        )

    @pytest.mark.parametrize(
        ("launcher", "expected"),
        [("basic", "basic"), ("submitit_local", "submitit_local"), ("submitit_slurm", "basic")],
    )
    def test_local_is_this_machine(self, app: App, launcher: str, expected: str) -> None:
        compute = compute_of(app, use(app, launcher=launcher, compute="local"))

        assert launcher_of(compute)["launcher"] == expected

    def test_a_node_of_a_pipeline_runs_where_the_pipeline_does(self, app: App) -> None:
        use(app, {"cpu-cluster": SLURM})
        node = {name: value for name, value in JOB.items() if name not in ("compute", "sampling_algorithm")}
        settings = {"default_compute": "azureml:cpu-cluster"}
        write(app.directory / "pipeline.yml", {"type": "pipeline", "settings": settings, "jobs": {"tune": node}})

        compute = compute_of(app, "hydra.sweeper.job=pipeline.yml")

        assert launcher_of(compute) == {"launcher": "submitit_slurm", "partition": "cpu"}


class TestResources:
    @pytest.mark.parametrize(
        ("entry", "job", "expected", "note"),
        [
            pytest.param(
                {**SLURM, **SPOT, **LOW},
                {"queue_settings": {"job_tier": "Spot", "priority": "low"}},
                {"qos": "preemptible", "additional_parameters": {"requeue": True, "nice": 1000}},
                None,
                id="tier-and-priority",
            ),
            pytest.param(
                {**SLURM, **SPOT},
                {"queue_settings": {"job_tier": "premium", "priority": "low"}},
                {},
                "job: queue_settings.job_tier, queue_settings.priority have no effect here.",
                id="levels-that-the-entry-does-not-have",
            ),
            pytest.param({**SLURM, **SPOT}, {"queue_settings": {"job_tier": "null"}}, {}, None, id="no-tier"),
            pytest.param(SLURM, {"resources": {"instance_count": 2}}, {"nodes": 2}, None, id="instances"),
            pytest.param(
                {**SLURM, "nodes": 4}, {"resources": {"instance_count": 2}}, {"nodes": 4}, None, id="entry-wins"
            ),
            pytest.param(
                SLURM,
                {"trial": {**JOB["trial"], "resources": {"instance_count": "3"}}},  # type: ignore[dict-item]
                {"nodes": 3},
                None,
                id="the-trial's-if-the-job-has-none",
            ),
            pytest.param(
                SLURM,
                {"resources": {"shm_size": "2g", "docker_args": "--x", "instance_type": "big", "instance_count": 1}},
                {},
                "job: resources.instance_type, resources.shm_size, resources.docker_args have no effect here.",
                id="of-azure-alone",
            ),
        ],
    )
    def test_on_a_cluster(self, app: App, entry: Any, job: Mapping[str, Any], expected: Any, note: str | None) -> None:
        compute = compute_of(app, use(app, {"cpu-cluster": entry}, **job))

        assert launcher_of(compute) == {"launcher": "submitit_slurm", "partition": "cpu", **expected}
        assert compute.notes[1:] == (() if note is None else (note,))

    def test_on_a_cluster_that_was_typed(self, app: App) -> None:
        job = use(app, resources={"instance_count": 2}, queue_settings={"job_tier": "spot"})

        compute = compute_of(app, job, "hydra/launcher=submitit_slurm")

        assert launcher_of(compute) == {"launcher": "submitit_slurm", "nodes": 2}
        assert compute.notes == (
            "job: trials run with hydra/launcher=submitit_slurm nodes=2.",
            "job: queue_settings.job_tier has no effect here.",
        )

    def test_nodes_that_are_typed_stay(self, app: App) -> None:
        job = use(app, launcher="submitit_slurm", resources={"instance_count": 2}, compute=None)

        compute = compute_of(app, job, "hydra.launcher.nodes=4")

        assert launcher_of(compute) == {"launcher": "submitit_slurm", "nodes": 4}
        assert compute.notes == ("job: resources.instance_count has no effect here.",)

    def test_one_machine_is_one_instance(self, app: App) -> None:
        compute = compute_of(app, use(app, compute="local", resources={"instance_count": 2}))

        assert (launcher_of(compute), compute.notes) == (
            {"launcher": "basic"},
            ("job: resources.instance_count has no effect here.",),
        )


@pytest.mark.parametrize(
    ("table", "error"),
    [
        refused(
            "misspelt-option",
            {"cpu-cluster": {**SLURM, "partitoin": "x", "gpu": 1}},
            "compute.cpu-cluster.partitoin: submitit_slurm has no such option. Did you mean partition?",
            "compute.cpu-cluster.gpu: submitit_slurm has no such option. Did you mean gpus_per_node?",
        ),
        refused(
            "option-of-a-level",
            {"cpu-cluster": {**SLURM, "job_tier": {"spot": {"qqos": "x"}}}},
            "compute.cpu-cluster.job_tier.spot.qqos: submitit_slurm has no such option. Did you mean qos?",
        ),
        refused(
            "value",
            {"cpu-cluster": {**SLURM, "timeout_min": "long"}},
            "compute.cpu-cluster.timeout_min: must fit the launcher "
            "(Value 'long' of type 'str' could not be converted to Integer); got long.",
        ),
        refused(
            "launcher",
            {"cpu-cluster": {"hydra/launcher": "submitit_slrm"}},
            "compute.cpu-cluster.hydra/launcher: no such launcher is installed; got submitit_slrm. "
            "Did you mean submitit_slurm?",
        ),
        refused(
            "no-launcher",
            {"cpu-cluster": {"partition": "cpu"}},
            "compute.cpu-cluster.hydra/launcher: must name a launcher; got null. "
            "For instance {hydra/launcher: submitit_slurm, partition: NAME}.",
        ),
        refused(
            "no-entry",
            {"cpu-cluster": "submitit_slurm"},
            "compute.cpu-cluster: must be a mapping of a launcher and its options; got submitit_slurm. "
            "For instance {hydra/launcher: submitit_slurm, partition: NAME}.",
        ),
        refused(
            "no-table",
            "submitit_slurm",
            "compute: must be a mapping from compute names; got submitit_slurm. "
            "For instance {cpu-cluster: {hydra/launcher: submitit_slurm, partition: NAME}}.",
        ),
        refused(
            "level",
            {"cpu-cluster": {**SLURM, "job_tier": {"sport": {}}}},
            "compute.cpu-cluster.job_tier.sport: unknown level. Did you mean spot?",
        ),
        refused(
            "level-without-options",
            {"cpu-cluster": {**SLURM, "priority": {"low": 1000}}},
            "compute.cpu-cluster.priority.low: must be a mapping of options; got 1000.",
        ),
        refused(
            "levels",
            {"cpu-cluster": {**SLURM, "priority": "low"}},
            "compute.cpu-cluster.priority: must be a mapping from levels to options; got low. "
            "For instance {low: {...}}.",
        ),
    ],
)
def test_what_the_launcher_cannot_do_is_refused(
    app: App, capsys: pytest.CaptureFixture[str], table: Any, error: str
) -> None:
    job = use(app, table, queue_settings={"job_tier": "spot"})
    (app.directory / "job.yml").rename(app.directory / "conf" / "job.yml")

    run = refuse(app, capsys, job.replace("job.yml", "conf/job.yml"))

    assert_refused(app, run, error)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ("cpu-cluster: [", "{file}:1: must be YAML: "),
        ("a: {}\na: {}", "{file}:2: a: "),
        (
            json.dumps({"cpu-cluster": {**SLURM, "x": 1}}),
            "{file}:1: cpu-cluster.x: submitit_slurm has no such option. ",
        ),
    ],
    ids=["no-yaml", "twice", "unknown-option"],
)
def test_the_users_table_is_named_with_its_path(
    app: App, capsys: pytest.CaptureFixture[str], home: Path, content: str, error: str
) -> None:
    """And everything else that is wrong is told with it."""
    write(home, content)

    run = refuse(app, capsys, use(app), "hydra.sweeper.poll_interval=soon")

    assert error.format(file=home) in run.err
    assert "poll_interval: must be a number of seconds" in run.err


def test_trials_run_with_the_launcher_of_the_users_table(app: App, home: Path) -> None:
    """As a user has it: a job, a file in the home directory, and the command."""
    write(home, {"cpu-cluster": {"hydra/launcher": "submitit_local", "timeout_min": 60}})

    run = app.sweep(use(app), "hydra.sweeper.limits.max_total_trials=1")

    assert "job: trials run with hydra/launcher=submitit_local timeout_min=60." in run.text
    assert [trial["state"] for trial in run.trials] == ["completed"]
    assert len(list((app.directory / "sweep" / ".submitit").glob("[0-9]*"))) == 1
