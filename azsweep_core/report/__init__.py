"""What a sweep shows and leaves behind: log lines, a summary, result files and the report."""

from azsweep_core.report._console import LogLines, Outlook, summary, words
from azsweep_core.report._files import (
    RESULTS,
    ResultFiles,
    column_of,
    parameter_keys,
    plain_key,
    trials_csv,
    write_best,
)
from azsweep_core.report._html import HtmlReport, report_line
from azsweep_core.report._open import Console, open_console

__all__ = [
    "RESULTS",
    "Console",
    "HtmlReport",
    "LogLines",
    "Outlook",
    "ResultFiles",
    "column_of",
    "open_console",
    "parameter_keys",
    "plain_key",
    "report_line",
    "summary",
    "trials_csv",
    "words",
    "write_best",
]
