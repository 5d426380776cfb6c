"""What a sweep shows and leaves behind: log lines, a summary, result files and the report."""

from azsweep_core.report._console import LogLines, summary, words
from azsweep_core.report._files import RESULTS, ResultFiles, plain_key, write_best
from azsweep_core.report._html import HtmlReport, report_line

__all__ = [
    "RESULTS",
    "HtmlReport",
    "LogLines",
    "ResultFiles",
    "plain_key",
    "report_line",
    "summary",
    "words",
    "write_best",
]
