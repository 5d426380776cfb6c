"""A command that starts a sweep, as a list of words: which of them are overrides, and others in their place."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

__all__ = ["TAKE_A_VALUE", "hydra_text", "is_override", "key_of", "with_overrides"]

TAKE_A_VALUE = {
    *("-X", "-W"),  # Python's
    *("--config-path", "-cp", "--config-name", "-cn", "--config-dir", "-cd", "--package", "-p"),  # Hydra's
    *("--experimental-rerun", "--cfg", "-c"),
}
"""Options after which a word is no override, whatever it looks like."""
_OVERRIDE = re.compile(r"\+{0,2}[^\s=+~-][^\s=]*=|~[^\s=~]")
_BARE = re.compile(r"/[A-Za-z0-9_./-]*")
_BEFORE_A_QUOTE = re.compile(r"(\\*)('|\Z)")
_INTERPOLATION = re.compile(r"(\\*)\$\{")


def is_override(word: str) -> bool:
    """Whether a word has the form of an override that sets a key, or deletes it.

    >>> is_override("++opt.lr=0.1"), is_override("~opt"), is_override("train.py"), is_override("--config-dir=conf")
    (True, True, False, False)
    """
    return _OVERRIDE.match(word) is not None


def key_of(override: str) -> str:
    """The key that an override sets or deletes.

    >>> key_of("++opt.lr=0.1"), key_of("~opt")
    ('opt.lr', 'opt')
    """
    return override.lstrip("+~").partition("=")[0]


def with_overrides(command: Sequence[str], overrides: Sequence[str], without: Collection[str] = ()) -> list[str]:
    """The command with these overrides, in place of those for the same keys.

    They come after its last one: Hydra takes all overrides in one piece, before its options or after them.

    Args:
        without: further keys that the command is not to set.

    >>> command = ["python", "train.py", "+x=1", "y=2", "--config-name", "other"]
    >>> print(*with_overrides(command, ["x=3"], without=["z"]))
    python train.py y=2 x=3 --config-name other
    """
    found = [
        index
        for index, word in enumerate(command)
        if is_override(word) and (index == 0 or command[index - 1] not in TAKE_A_VALUE)
    ]
    replaced = {key_of(override) for override in overrides} | set(without)
    dropped = {index for index in found if key_of(command[index]) in replaced}
    place = max(found, default=len(command) - 1) + 1
    kept = [word for index, word in enumerate(command[:place]) if index not in dropped]
    return [*kept, *overrides, *command[place:]]


def hydra_text(text: str) -> str:
    r"""A text, a path for instance, as the part of an override after `=`, where Hydra reads it as it is.

    >>> print(hydra_text("/sweeps/1"), hydra_text("/it's/1,2"))
    /sweeps/1 '/it\'s/1,2'
    """
    if _BARE.fullmatch(text):
        return text
    literal = _INTERPOLATION.sub(r"\1\1\\${", text)
    return f"'{_BEFORE_A_QUOTE.sub(_escaped, literal)}'"


def _escaped(found: re.Match[str]) -> str:
    backslashes, quote = found.groups()
    return backslashes * 2 + ("\\'" if quote else "")
