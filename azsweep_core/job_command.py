"""The command of a trial: its placeholders, and what it is with values in their places. Never runs anything.

A value is always one argument, or a part of one, whatever it holds. A command that needs no shell gets none; one that
does reads the values from variables, so that no value is ever parsed as shell code.
Source: AzureML, "Define a command job" and the CLI's job expressions; docs/azureml-parity.md says what is ours.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from azsweep_core.command_line import is_override
from azsweep_core.errors import Problem

__all__ = ["HydraCommand", "JobCommand", "Rendered", "as_argument"]

_PLACEHOLDER = re.compile(r"\$\{\{\s*([^{}]*?)\s*\}\}|\{\s*((?:search_space|inputs|outputs)\.[\w-]+)\s*\}")
"""`${{search_space.x}}`, and the older `{search_space.x}`, which AzureML still takes."""

_OPTIONAL = re.compile(r"\$\[\[(.*?)\]\]", re.DOTALL)
"""`$[[--a ${{inputs.a}}]]`, which AzureML leaves out if the input has no value."""

_MARK = re.compile("\ue000(\\d+)\ue001")
"""Stands for a placeholder while words are told apart. The characters are for private use, and in no command."""

_OPERATORS = frozenset({"&&", "||", ";", "|", "&", "\n"})
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_SHELLS_OWN = re.compile(r"\{[^{}\s]*(?:,|\.\.)[^{}\s]*\}")
_BUILTINS = frozenset(". alias cd eval exec exit export if for set source time trap ulimit umask until while {".split())  # noqa: SIM905
_ESCAPED = re.compile(r"\\[$`\n]")
"""What Python's shlex reads in another way than a shell does."""
_VARIABLE = "AZSWEEP_VALUE_"


@dataclass(frozen=True, slots=True)
class Rendered:
    """A command with values.

    Args:
        words: the program to start and its arguments.
        environment: variables to start it with: the values, where a shell puts them into their places.
    """

    words: tuple[str, ...]
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class HydraCommand:
    """How the command of a Hydra app names the app's keys.

    Args:
        keys: Hydra key, with its prefix, by placeholder.
        constants: further overrides, the same for every trial.
        options: other words after the program, such as Hydra's options.
        problems: placeholders that stand where no single key has their value.
    """

    keys: Mapping[str, str]
    constants: tuple[str, ...]
    options: tuple[str, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class JobCommand:
    """A command as a job file has it.

    >>> command = JobCommand("python t.py --lr ${{search_space.lr}} $[[--data ${{inputs.data}}]]")
    >>> command.placeholders, command.required
    (('search_space.lr', 'inputs.data'), ('search_space.lr',))
    >>> command.render({"search_space.lr": "0.1"}).words
    ('python', 't.py', '--lr', '0.1')
    """

    text: str

    @property
    def placeholders(self) -> tuple[str, ...]:
        """Every placeholder once, as `search_space.x`, `inputs.x` or `outputs.x`."""
        return _placeholders(self.text)

    @property
    def required(self) -> tuple[str, ...]:
        """Those without which the command cannot be run: not the ones of `$[[...]]` alone."""
        return _placeholders(_OPTIONAL.sub(" ", self.text))

    @property
    def needs_shell(self) -> bool:
        """Whether the command has pipes, redirections, variables or whatever else a shell acts on."""
        return _needs_shell(self._as_given(lambda _: True))

    def validate(self, where: str) -> Iterator[Problem]:
        """What nobody could run, whatever the values."""
        text = self._as_given(lambda _: True)
        if not text.strip():
            yield Problem(where, "must not be empty")
        elif "$[[" in text:
            fix = "Write it as $[[--name ${{inputs.name}}]]."
            yield Problem(where, "must close its optional parts", text[text.index("$[[") :].strip(), fix)
        elif not _needs_shell(text):
            try:
                shlex.split(_marked(text)[0])
            except ValueError:
                yield Problem(where, "must close its quotes", self.text.strip())

    def render(self, values: Mapping[str, str]) -> Rendered:
        """The command with these values, by placeholder; `$[[...]]` without all of theirs is left out.

        Raises:
            KeyError: with the placeholder that has no value.
        """
        text = self._as_given(values.__contains__)
        if _needs_shell(text):
            return _for_shell(text, values)
        marked, names = _marked(text)

        def value_of(mark: re.Match[str]) -> str:
            return values[names[int(mark[1])]]

        return Rendered(tuple(_MARK.sub(value_of, word) for word in shlex.split(marked)), {})

    def as_hydra(self) -> HydraCommand | None:
        """How it names keys of a Hydra app; None if no parameter stands alone behind `key=`, and it is none.

        >>> JobCommand("python t.py model=big opt.lr=${{search_space.lr}}").as_hydra().keys
        {'search_space.lr': 'opt.lr'}
        """
        try:
            commands = _commands(self._as_given(lambda _: True))
        except ValueError:  # quotes that do not close: `validate` says so
            return None
        found = [_read_hydra(words, names) for words, names in commands]
        return next((each for each in found if any(name.startswith("search_space.") for name in each.keys)), None) or (
            next((each for each in found if each.keys), None)
        )

    def _as_given(self, has_value: Callable[[str], bool]) -> str:
        """The text without the optional parts that lack a value."""

        def kept(part: re.Match[str]) -> str:
            return part[1] if all(map(has_value, _placeholders(part[1]))) else ""

        return _OPTIONAL.sub(kept, self.text)


def as_argument(value: Any) -> str:
    """A parameter's value, or an input that is no path, as AzureML writes it into a command.

    >>> as_argument(0.00001), as_argument(True), as_argument("a b")
    ('1e-05', 'True', 'a b')
    """
    return str(value)


def _placeholders(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(new or old for new, old in _PLACEHOLDER.findall(text)))


def _marked(text: str) -> tuple[str, list[str]]:
    """The text with a mark for each placeholder, and the placeholder that each mark stands for."""
    names: list[str] = []

    def mark(found: re.Match[str]) -> str:
        names.append(found[1] or found[2] or "")
        return f"\ue000{len(names) - 1}\ue001"

    return _PLACEHOLDER.sub(mark, text), names


def _unquoted(text: str) -> Iterator[tuple[int, str, str]]:
    """Index, character and the quote that it stands in ("" for none); quotes and what a backslash escapes left out."""
    quote = ""
    escaped = False
    for index, character in enumerate(text):
        if escaped:
            escaped = False
        elif character == "\\" and quote != "'":
            escaped = True
        elif quote == character:
            quote = ""
        elif not quote and character in "'\"":
            quote = character
        else:
            yield index, character, quote


def _needs_shell(text: str) -> bool:
    marked = _marked(text.strip())[0]
    if _ESCAPED.search(marked):
        return True
    bare = []
    for index, character, quote in _unquoted(marked):
        if character in "$`" and quote != "'":
            return True
        if quote:
            continue
        at_start = index == 0 or marked[index - 1].isspace()
        if character in "|&;<>()*?\n" or (character in "~#" and at_start):
            return True
        bare.append(character)
    is_own = marked.split(maxsplit=1)[0] in _BUILTINS if marked else False
    return is_own or bool(_ASSIGNMENT.match(marked)) or _SHELLS_OWN.search("".join(bare)) is not None


def _for_shell(text: str, values: Mapping[str, str]) -> Rendered:
    """The command for bash, with a variable in the place of each placeholder."""
    marked, names = _marked(text.strip())
    quotes = {index: quote for index, character, quote in _unquoted(marked) if character == "\ue000"}
    environment: dict[str, str] = {}

    def variable(mark: re.Match[str]) -> str:
        name = names[int(mark[1])]
        held = _VARIABLE + re.sub(r"\W", "_", name)
        environment[held] = values[name]
        expanded = f"${{{held}}}"
        quote = quotes.get(mark.start(), "")
        return expanded if quote == '"' else f"'\"{expanded}\"'" if quote else f'"{expanded}"'

    return Rendered(("bash", "-c", _MARK.sub(variable, marked)), environment)


def _commands(text: str) -> list[tuple[list[str], list[str]]]:
    """The simple commands of a command line, as words with marks, each with what the marks stand for."""
    marked, names = _marked(text.strip())
    reader = shlex.shlex(marked.replace("\\\n", " ").replace("\n", " ; "), posix=True, punctuation_chars=";&|")
    reader.whitespace_split = True
    reader.commenters = ""
    commands: list[list[str]] = [[]]
    for word in reader:
        if word in _OPERATORS:
            commands.append([])
        else:
            commands[-1].append(word)
    return [(words, names) for words in commands if words]


def _read_hydra(words: list[str], names: list[str]) -> HydraCommand:
    keys: dict[str, str] = {}
    constants, options, problems = [], [], []
    program = next((index for index, word in enumerate(words) if not _ASSIGNMENT.match(word)), len(words))
    for word in words[program + 1 :]:
        marks = _MARK.findall(word)
        key, _, value = word.partition("=")
        if not is_override(word):
            options.append(_with_placeholders(word, names))
        elif not marks:
            constants.append(word)
        elif _MARK.fullmatch(value):
            name = names[int(marks[0])]
            if keys.setdefault(name, key) != key:
                rule = f"{name} is the value of one key, here of {keys[name]} and {key}"
                fix = f"Give {key} an interpolation of {keys[name]} in the app's configuration."
                problems.append(Problem("trial.command", rule, None, fix))
        else:
            got = _with_placeholders(word, names)
            problems.append(Problem("trial.command", "a placeholder must be all of a key's value", got))
    return HydraCommand(keys, tuple(constants), tuple(options), tuple(problems))


def _with_placeholders(word: str, names: list[str]) -> str:
    return _MARK.sub(lambda mark: f"${{{{{names[int(mark[1])]}}}}}", word)
