"""Tables as LaTeX and Markdown."""

import re

from cdmer._text import printable
from cdmer.evaluation.report._about import describe_abstentions
from cdmer.evaluation.report._tables import score_table

_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "→": r"$\rightarrow$",
    "²": r"\textsuperscript{2}",
    "³": r"\textsuperscript{3}",
    "×": r"$\times$",
}
# The last two would make links of bare addresses.
_MARKDOWN = re.compile(r"([\\`*_\[\]<>|#]|:(?=//)|(?<=\bwww)\.)", re.IGNORECASE)


def to_latex(results, metric=None):
    """Write the table of a metric as LaTeX.

    Parameters
    ----------
    results : Results
    metric : str, Metric or None, default=None
        One of ``results.metrics``, or a metric of your own; None for the main one.

    Returns
    -------
    str
        See `Results.to_latex`.
    """
    table = score_table(results, results.find_metric(metric))
    lines = [
        rf"\begin{{tabular}}{{l{'r' * len(table.columns)}}}",
        r"\toprule",
        _latex_line(["method", *map(_latex, table.columns)]),
        r"\midrule",
    ]
    for row in table.rows:
        name = rf"\textit{{{_latex(row.method)}}}" if row.oracle else _latex(row.method)
        lines.append(_latex_line([name, *(_cell(c, r"\textbf{%s}", "--") for c in row.cells)]))
    lines += [r"\bottomrule", r"\end{tabular}"]
    notes = "".join(f"% {_one_line(note)}\n" for note in _notes(table, results))
    return notes + "\n".join(lines) + "\n"


def to_markdown(results, metric=None):
    """Write the table of a metric as Markdown.

    Parameters
    ----------
    results : Results
    metric : str, Metric or None, default=None
        One of ``results.metrics``, or a metric of your own; None for the main one.

    Returns
    -------
    str
        See `Results.to_markdown`.
    """
    table = score_table(results, results.find_metric(metric))
    lines = [
        _markdown_line(["method", *map(_markdown, table.columns)]),
        _markdown_line(["---", *["---:"] * len(table.columns)]),
    ]
    for row in table.rows:
        name = f"*{_markdown(row.method)}*" if row.oracle else _markdown(row.method)
        lines.append(_markdown_line([name, *(_cell(c, "**%s**", "–") for c in row.cells)]))
    return "\n".join([*lines, "", *map(_markdown, _notes(table, results))]) + "\n"


def _notes(table, results):
    """What the marks mean; ends of sentences of the report."""
    cells = [cell for row in table.rows for cell in row.cells]
    notes = [f"{table.title}: {table.meaning}."]
    if any(c.interval for c in cells):
        notes.append("In brackets: 95 % intervals over people.")
    if any(c.best for c in cells):
        notes.append("Bold: the best of a column.")
    if any(row.oracle for row in table.rows):
        notes.append("Oracle: selected on the labels of the tested clips; never marked as best.")
    if table.has_partial:
        notes.append("†: some jobs failed, the score is of fewer clips.")
    return notes + describe_abstentions(results)


def _cell(cell, strong, missing):
    if not cell.score:
        return missing
    score = strong % cell.score if cell.best else cell.score
    mark = "†" if cell.partial else ""
    return score + mark + (f" [{', '.join(cell.interval)}]" if cell.interval else "")


def _latex(text):
    return "".join(_LATEX.get(c, c) for c in _one_line(text))


def _latex_line(cells):
    return " & ".join(c.replace("†", r"\textsuperscript{\dag}") for c in cells) + r" \\"


def _markdown(text):
    return _MARKDOWN.sub(r"\\\1", _one_line(text))


def _one_line(text):
    return printable(" ".join(str(text).split()))


def _markdown_line(cells):
    return "| " + " | ".join(cells) + " |"
