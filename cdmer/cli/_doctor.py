"""`cdmer doctor`: what is installed, what is found, and whether it works."""

import json
import sys

import click

from cdmer.cli._options import remark, say

_MARKS = {True: "ok", False: "BROKEN", None: "--"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(as_json):
    """Say what is installed, what is found, and whether it works.

    Versions of the libraries, and the extra that brings what is missing; processors, BLAS and GPUs;
    which of the published features are there and undamaged; free disk space; and a self-test of a
    few seconds, from rendered clips over LBP-TOP to TGSR and a support vector machine.

    The exit code is 1 if something that is there is broken.
    """
    from cdmer.cli._doctor_checks import data, devices, disk, one_line, software
    from cdmer.cli._doctor_self_test import self_test

    sections = {
        "software": software,
        "devices": devices,
        "published features": data,
        "disk": disk,
        "self-test": self_test,
    }
    found = {}
    for title, section in sections.items():
        try:
            lines = section()
        except Exception as error:  # without a library that looking needs; the others go on
            lines = [(title, f"{type(error).__name__}: {one_line(error)}", False)]
        found[title] = lines
        if not as_json:
            width = max((len(name) for name, _, _ in lines), default=0)
            say(f"{title}")
            for name, text, good in lines:
                say(f"  {_MARKS[good]:6}  {name.ljust(width)}  {text}".rstrip())
    if as_json:
        content = {
            title: [{"name": n, "found": text, "ok": good} for n, text, good in lines]
            for title, lines in found.items()
        }
        say(json.dumps(content, indent=2, ensure_ascii=False))
    broken = [name for lines in found.values() for name, _, good in lines if good is False]
    if broken:
        remark(f"broken: {', '.join(broken)}")
        sys.exit(1)
