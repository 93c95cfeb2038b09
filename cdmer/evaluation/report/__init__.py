"""The report, and tables for papers."""

from cdmer._public import publish
from cdmer.evaluation.report._about import describe_abstentions
from cdmer.evaluation.report._text import to_latex, to_markdown
from cdmer.evaluation.report._write import write_report

__all__ = ["describe_abstentions", "to_latex", "to_markdown", "write_report"]

publish(__name__)
