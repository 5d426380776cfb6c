"""Secrets do not leave with what others are shown: artifacts in MLflow, and the report."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from azsweep_core._secrets import file_without_secrets, text_without_secrets
from azsweep_core.events import TrialBegan
from azsweep_core.history import History
from azsweep_core.objective import Goal, Objective
from azsweep_core.report._files import parameter_keys, trials_csv
from azsweep_core.trial import TrialState
from tests.core.reports import OVER, SPEC, Kept, ended, measured, started, submitted


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        pytest.param("a:\n  api_key: abc\n  b: 1\n", "a:\n  api_key: '***'\n  b: 1\n", id="nested"),
        pytest.param("'client_secret': abc\n", "'client_secret': '***'\n", id="quoted"),
        pytest.param("AWS_SECRET_ACCESS_KEY: x\nb: 1\n", "AWS_SECRET_ACCESS_KEY: '***'\nb: 1\n", id="env"),
        pytest.param("private_key: |-\n  ---\n\n  abc\nb: 1\n", "private_key: '***'\nb: 1\n", id="several-lines"),
        pytest.param("credentials:\n  user: me\nb: 1\n", "credentials: '***'\nb: 1\n", id="mapping"),
        pytest.param("a:\n- password: x\n  b: 1\n", "a:\n- password: '***'\n  b: 1\n", id="in-a-list"),
        pytest.param("hf_token:\n- x\n- y\nb: 1\n", "hf_token: '***'\nb: 1\n", id="list"),
        pytest.param("db: {user: me, pwd: [a, b]}\n", "db: {user: me, pwd: '***'}\n", id="flow-mapping"),
        pytest.param("a: [1, {secret:\n  abc}]\n", "a: [1, {secret: '***'}]\n", id="flow-list-over-lines"),
        pytest.param("a: &x\n  b: abc\npwd: *x\n", "a: '***'\npwd: '***'\n", id="further-up"),
        pytest.param("- +db.password=abc\n- b=1\n", '- "+db.password=***"\n- b=1\n', id="list-of-overrides"),
        pytest.param("url: postgresql://me:abc@host/x\n", 'url: "postgresql://***@host/x"\n', id="address"),
        pytest.param("token: ${oc.env:TOKEN}\npwd: null\n", "token: ${oc.env:TOKEN}\npwd: null\n", id="elsewhere"),
        pytest.param("max_tokens: 5\npad_token: x\n", "max_tokens: 5\npad_token: x\n", id="no-secret"),
    ],
)
def test_yaml_goes_without_secrets_and_is_yaml(text: str, kept: str) -> None:
    yaml.safe_load(kept)

    assert file_without_secrets(".yaml", text) == kept


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        pytest.param("lr=0.1\n+db.password=abc\n", "lr=0.1\n+db.password=***\n", id="value"),
        pytest.param("db.password='a b'\nlr=1\n", "db.password=***\nlr=1\n", id="quoted"),
        pytest.param("private_key='a\nb'\nlr=1\n", "private_key=***\nlr=1\n", id="several-lines"),
        pytest.param("+aws={secret_key:abc}\n", "+aws={secret_key:***}\n", id="mapping"),
        pytest.param("db={user:me,password: a b}\n", "db={user:me,password: ***}\n", id="second-in-a-mapping"),
        pytest.param("a=[{x:{'pwd':'a,}'}},{token:[b,c]}]\n", "a=[{x:{'pwd':'***'}},{token:***}]\n", id="deep"),
        pytest.param("a={token:${oc.env:T},b:1}\n", "a={token:${oc.env:T},b:1}\n", id="elsewhere"),
        pytest.param("uri='http://me:abc@host'\n", "uri='http://***@host'\n", id="address"),
    ],
)
def test_overrides_go_without_secrets(text: str, kept: str) -> None:
    assert file_without_secrets(".txt", text) == kept


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        pytest.param("ValueError: bad\npassword=abc", "ValueError: bad\npassword=***", id="setting"),
        pytest.param("KeyError: {'pwd': 'abc', 'x': 1}", "KeyError: {'pwd': '***', 'x': 1}", id="mapping"),
        pytest.param("no\n  secret: a b\nyes", "no\n  secret: ***\nyes", id="line"),
        pytest.param("unexpected token: x == y", "unexpected token: x == y", id="words"),
    ],
)
def test_reasons_go_without_secrets(text: str, kept: str) -> None:
    assert text_without_secrets(text) == kept


def test_a_table_keeps_its_rows_and_columns_without_secrets() -> None:
    history = History(Objective("loss", Goal.MINIMIZE))
    point = {"+api_key": "hunter1", "db": {"pwd": "hunter2", "host": "a"}, "x": 'a "b", c'}
    failed = ended(0, TrialState.FAILED, reason="ValueError: bad\npassword=hunter3")
    for event in (started(), submitted(0, point), failed, submitted(1, {"x": "\r\n"}), ended(1)):
        history.apply(event)
    table = trials_csv(history.trials, parameter_keys(history.trials))

    first, second = csv.DictReader(io.StringIO(file_without_secrets(".csv", table), newline=""))

    assert (first["reason"], first["api_key"]) == ("ValueError: bad\npassword=***", "***")
    assert (first["db"], first["x"]) == ('{"pwd": "***", "host": "a"}', 'a "b", c')
    assert (second["number"], second["x"], second["api_key"]) == ("1", "\r\n", "")
    assert "hunter" not in file_without_secrets(".csv", table)


def test_a_table_without_secrets_stays_as_it_is() -> None:
    table = 'number,reason,x\n0,"a\n""b""",\n1,,"[1, 2]"\n'

    assert file_without_secrets(".csv", table) == table


def test_the_report_holds_no_secret(tmp_path: Path) -> None:
    """Whatever it shows: commands, the specification, parameters and their axes, reasons, names of directories."""
    hidden = {"+db.password": {"type": "choice", "values": ["hunter1", "hunter2"]}}
    nested = {"aws": {"type": "choice", "values": [{"secret_key": "hunter3"}, {"secret_key": "hunter4"}]}}
    point = {"+db.password": "hunter1", "aws": {"secret_key": "hunter3"}, "uri": "http://me:hunter5@host"}
    of_best = tmp_path / "0" / ".hydra" / "overrides.yaml"
    of_best.parent.mkdir(parents=True)
    of_best.write_text("- +db.password=hunter1\n- '+aws={secret_key: hunter3}'\n- lr=1\n", encoding="utf-8")
    sweep = Kept(tmp_path)

    sweep.happens(
        started(
            {**SPEC, "search_space": {**hidden, **nested}},
            command=("/bin/python", "train.py", "-m", "+hf_token=hunter6", "+aws={secret_key:hunter7}", "a=1"),
        ),
        submitted(0, point),
        TrialBegan(time_s=0.0, number=0, directory=f"{tmp_path}/0"),
        measured(0, 1.0),
        ended(0),
        submitted(1, {"db.pwd": 8}),
        TrialBegan(time_s=0.0, number=1, directory=f"{tmp_path}/password=hunter8"),
        ended(1, TrialState.FAILED, reason="ValueError: no\npassword=hunter9"),
        replace(OVER, stop_reason="too many failed: password=hunter9"),
    )

    assert "hunter" not in sweep.file.read_text(encoding="utf-8")
    data = sweep.data
    assert data["command"].split()[-3:] == ["'+hf_token=***'", "'+aws={secret_key:***}'", "a=1"]
    assert data["best"]["overrides"].endswith("train.py '+db.password=***' '+aws={secret_key: ***}' lr=1")
    assert data["best"]["parameters"] == {
        "db.password": "***",
        "aws": {"secret_key": "***"},
        "uri": "http://***@host",
    }
    axes = {axis["key"]: (axis["scale"], axis["choices"]) for axis in data["parameters"]}
    assert (axes["db.password"], axes["db.pwd"]) == (("category", ["***"]), ("category", ["***"]))
    assert yaml.safe_load(data["spec"])["search_space"]["+db.password"] == "***"
