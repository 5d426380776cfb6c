"""Lines of a page: they fit a terminal and steer none, and what is to be copied can be."""

from __future__ import annotations

import subprocess
import unicodedata

from hypothesis import example, given, settings
from hypothesis import strategies as st

from azsweep_core._lines import Line, laid_out, shell_words

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)
words = st.text("abc def=1,2'[]\x1b\n", max_size=200)


@given(st.lists(st.builds(Line, words.map(lambda text: text[:20]), words, st.integers(0, 2)), max_size=5))
def test_no_line_steers_the_terminal_and_words_are_broken_between_columns(lines: list[Line]) -> None:
    longest = max((len(each) for line in lines for each in line.words.replace("\x1b", "x" * 4).split()), default=0)

    for line in laid_out(lines, 80):
        assert not any(unicodedata.category(each) == "Cc" for each in line)
        assert len(line) <= max(80, 40 + 4 * longest)


def test_what_is_to_be_copied_is_on_one_line() -> None:
    long = " ".join(["word"] * 50)

    assert list(laid_out([Line("0", long, whole=True)], 80)) == [f"  0  {long}"]


def test_without_columns_every_line_is_whole() -> None:
    long = " ".join(["word"] * 50)

    assert list(laid_out([Line("0", long), Line("label", "x")])) == [f"  0      {long}", "  label  x"]


@settings(max_examples=20)
@example([["'$HOME", "'\"", "'`", "'!!", "'\\", "'plain text'"]])
@given(st.lists(st.lists(texts, min_size=1, max_size=4), min_size=1, max_size=8))
def test_a_shell_takes_words_for_what_they_are(lines: list[list[str]]) -> None:
    """And a terminal that shows them is not steered."""
    shown = [shell_words(words) for words in lines]
    script = "\n".join(f"printf '%s\\0' {line}" for line in shown)

    done = subprocess.run(["bash"], input=script.encode(), env={"LC_ALL": "C.UTF-8"}, capture_output=True, check=True)

    assert done.stdout.decode().split("\0")[:-1] == [word for words in lines for word in words]
    assert all(line.isprintable() for line in shown)
