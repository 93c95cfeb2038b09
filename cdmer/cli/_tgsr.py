"""`cdmer tgsr`: one published experiment, fixed settings beside the oracle and the print."""

from pathlib import Path

import click

from cdmer._files.kinds import begins_with
from cdmer._files.writing import write_atomically
from cdmer.cli._fetch import CORPORA, home_option
from cdmer.cli._options import (
    check_output,
    csv_text,
    jobs_option,
    quiet_option,
    say,
    show,
    table_text,
)

_is_sweep = begins_with("n_selected,mmd_weight,UF1,WAR\n")


@click.command()
@click.option("--source", required=True, type=click.Choice(CORPORA), help="Labelled corpus.")
@click.option("--target", required=True, type=click.Choice(CORPORA), help="Unlabelled corpus.")
@click.option(
    "--n-selected",
    type=click.IntRange(1, 85),
    default=20,
    show_default=True,
    help="Regions that TGSR keeps, outside the sweep.",
)
@click.option(
    "--mmd-weight",
    type=click.FloatRange(min=0),
    default=1.0,
    show_default=True,
    help="Weight of the mean discrepancy, outside the sweep.",
)
@click.option("--full", is_flag=True, help="Sweep the authors' 23,460 settings instead of 285.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the sweep's table to this CSV file.",
)
@home_option
@jobs_option
@quiet_option
def tgsr(source, target, n_selected, mmd_weight, full, out, data_home, n_jobs, quiet):
    """Run TGSR from one corpus to another on the published features.

    Shows a linear SVM without adaptation and TGSR at fixed settings, and beside them, marked as
    oracle, the best of a grid picked on the target's labels, which is what papers print.
    """
    if source == target:
        raise click.UsageError(f"--target: expected another corpus than --source, got {target!r}")
    from cdmer.corpora import load_published_features

    if out is not None:
        check_output(out, _is_sweep)
    corpora = [load_published_features(n, data_home, show(quiet)) for n in (source, target)]
    table, sweep = run_tgsr_experiment(
        *corpora, n_selected, mmd_weight, full=full, n_jobs=n_jobs, progress=show(quiet)
    )
    if out is not None:
        write_atomically(out, csv_text(sweep), _is_sweep)
    say(
        f"{source} → {target}: {len(corpora[0].labels)} labelled clips, "
        f"{len(corpora[1].labels)} unlabelled"
    )
    say(table_text(table))
    if not quiet:
        say("oracle: picked on the target's labels, which nobody has who needs a recogniser.")


def run_tgsr_experiment(
    source, target, n_selected, mmd_weight, *, full=False, n_jobs=None, progress=None
):
    """Compare the SVM, TGSR at fixed settings and TGSR's oracle on one pair of corpora.

    Parameters
    ----------
    source, target : PublishedFeatures
    n_selected : int
        Regions to keep at the fixed setting.
    mmd_weight : float
        Weight of the mean discrepancy at the fixed setting.
    full : bool, default=False
        Whether the oracle sweeps the authors' whole grid: see `tgsr_grid`.
    n_jobs : int or None, default=None
    progress : bool or None, default=None

    Returns
    -------
    table : pandas.DataFrame
        A row per way of running the experiment; columns ``UF1, WAR, published UF1, published WAR,
        n_selected, mmd_weight``.
    sweep : pandas.DataFrame
        See `tgsr_oracle_sweep`.
    """
    import pandas as pd

    from cdmer.adaptation import TGSR, SourceOnly
    from cdmer.evaluation import (
        CDMER_EXPERIMENTS,
        CDMERPairs,
        benchmark,
        tgsr_grid,
        tgsr_oracle_sweep,
    )
    from cdmer.evaluation.published import published_results

    experiment = next(
        e for e in CDMER_EXPERIMENTS if (e.source, e.target) == (source.corpus, target.corpus)
    )
    methods = {
        "SVM, source only": SourceOnly(),
        "TGSR, fixed": TGSR(groups=85, n_selected=n_selected, mmd_weight=mmd_weight),
    }
    results = benchmark(methods, [source, target], CDMERPairs([experiment]), progress=False)
    scores = results.scores().set_index("method")[["UF1", "WAR"]]
    grid = tgsr_grid(full)
    sweep = tgsr_oracle_sweep(source, target, *grid, n_jobs=n_jobs, progress=progress)
    # First of equals: the fewest regions, then the smallest weight.
    best = sweep.loc[sweep["UF1"].idxmax()]

    oracle = f"TGSR, oracle of {len(sweep)}"
    table = pd.concat([scores, best[["UF1", "WAR"]].to_frame(oracle).T]).astype(float)
    published = published_results()
    for row, method in {"SVM, source only": "SVM", oracle: "TGSR"}.items():
        m_f1, accuracy = published[method][experiment.name]
        table.loc[row, ["published UF1", "published WAR"]] = m_f1, accuracy / 100
    settings = {
        "TGSR, fixed": (n_selected, mmd_weight),
        oracle: (int(best["n_selected"]), best["mmd_weight"]),
    }
    for row, (kept, weight) in settings.items():
        table.loc[row, "n_selected"] = f"{kept}"
        table.loc[row, "mmd_weight"] = f"{weight:g}"
    return table, sweep
