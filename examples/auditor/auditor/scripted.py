"""Answers where a model would, when there is none: fixed sentences with figures.

It is no model and does not pretend to be one: every answer begins by saying so.
"""

from analemma.models import ModelRequest
from auditor.prompt import Figures, read_figures

AUTHOR = "a script; no language model was used"
OPENING = "No language model was used; a script wrote these sentences."


def answer(request: ModelRequest) -> str:
    """Return the summary of the figures in ``request``: same figures, same text."""
    figures = read_figures(request)
    return f"{OPENING} {_size(figures)}\n\n{_attention(figures)}"


def _size(figures: Figures) -> str:
    totals = figures["totals"]
    return (
        f"{figures['package']} {figures['version']} has {totals['code_lines']:,} lines "
        f"of code in {totals['audited']} audited modules, {totals['functions']:,} "
        f"functions and {totals['classes']:,} classes. Of {totals['public_names']:,} "
        f"public names {totals['documented_percent']} % have a docstring, and "
        f"{totals['annotated_percent']} % of the public functions are fully annotated. "
        f"The mean complexity is {totals['mean_complexity']}; "
        f"{totals['complex_functions']} functions are above 15."
    )


def _attention(figures: Figures) -> str:
    totals = figures["totals"]
    sentences = [
        f"The rules report {totals['high']} high, {totals['medium']} medium and "
        f"{totals['low']} low risks in library code."
    ]
    if figures["top_risks"]:
        sentences.append(f"First in line is {figures['top_risks'][0]}.")
    if figures["complex_functions"]:
        sentences.append(f"Most complex is {figures['complex_functions'][0]}.")
    if figures["modules_first"]:
        sentences.append(f"Read {figures['modules_first'][0]} first.")
    if unseen := figures["skipped"] + figures["compiled"]:
        files = "1 file" if unseen == 1 else f"{unseen} files"
        sentences.append(f"{files} could not be audited.")
    return " ".join(sentences)
