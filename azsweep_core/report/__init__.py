"""What a sweep shows and leaves behind: log lines, a summary and files."""

from azsweep_core.report._console import LogLines, summary, words
from azsweep_core.report._files import RESULTS, ResultFiles, plain_key, write_best

__all__ = ["RESULTS", "LogLines", "ResultFiles", "plain_key", "summary", "words", "write_best"]
