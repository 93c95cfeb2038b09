"""`cdmer train`: a recogniser of one's own, from labelled clips to a model."""

import sys
from pathlib import Path

import click

from cdmer._files.kinds import is_model
from cdmer._text import counted
from cdmer.cli._corpora import variant_option
from cdmer.cli._extract import cache_options, cache_place, n_clips_option, open_corpus
from cdmer.cli._options import (
    SOME_FAILED,
    check_output,
    jobs_option,
    keeping,
    quiet_option,
    remark,
    say,
    show,
)
from cdmer.cli._preparation import (
    DescriptorName,
    descriptor_options,
    make_descriptor,
    preparation_fields,
    preparation_options,
)

_CALLED = {"WAR": "accuracy"}


@click.command()
@click.argument("corpus")
@click.option(
    "-o",
    "--out",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where the model goes, a skops file.",
)
@click.option(
    "--descriptor",
    default="bi-woof",
    show_default=True,
    type=DescriptorName(),
    help="What to compute of each clip.",
)
@descriptor_options
@click.option(
    "--method",
    "classifier",
    metavar="NAME",
    help="svm, logistic; with --target label-free or a method of cdmer.adaptation, such as TCA. "
    "[default: svm, with --target label-free]",
)
@click.option(
    "--target",
    metavar="CORPUS",
    help="Clips without labels, such as of another camera, to adapt to; labels are not read.",
)
@click.option(
    "--scheme",
    help='Label scheme of the classes, or "labels". [default: three, if it knows all labels; '
    "otherwise labels]",
)
@preparation_options
@cache_options
@click.option(
    "--store",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File that keeps finished folds, for `cdmer report`.",
)
@n_clips_option
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Seed of the classifier, of parts of the clips, and of a synthetic corpus.",
)
@variant_option
@jobs_option
@quiet_option
def train(
    corpus,
    out,
    descriptor,
    parameters,
    levels,
    classifier,
    target,
    scheme,
    cache,
    no_cache,
    store,
    n_clips,
    seed,
    variant,
    n_jobs,
    quiet,
    **options,
):
    """Train a recogniser on labelled clips, and say how good it is on people left out.

    CORPUS is the path of a manifest, a table with the columns path, subject and label and a row per
    clip; NAME:PATH, with a name of `cdmer corpora list` and the folder of your copy; or
    synthetic:PRESET. `cdmer predict MODEL CLIP` then asks the model, and prepares clips just as
    here.

    Person after person is left out: the scores are those on clips of people whom the classifier has
    not seen, with intervals of 95 % over people. Where people are unknown, or all clips show one,
    parts of the clips are left out, and a line says so.

    Unless options say otherwise, faces are cut out if they take less than 0.6 of the frame's height
    in most of a few clips, and apexes and head motion are looked after as suits the descriptor; the
    line "preparation" says what was done.

    Exit codes: 0 if every clip was used, 3 if clips failed (each with a line on the standard error
    stream), 1 if nothing could be trained, 130 if stopped by Ctrl-C, 143 by SIGTERM.
    """
    cache = cache_place(cache, no_cache)
    check_output(out, is_model)
    fields = preparation_fields(options)
    place = (n_clips, seed, variant, options["extent"])
    clips = open_corpus(corpus, *place)
    unlabelled = None if target is None else open_target(target, *place)
    step = make_descriptor(descriptor, parameters, levels)
    from cdmer._extras import import_extra

    import_extra("skops.io", "models")
    from cdmer.models import train_model

    with keeping(lambda: cache and f"{cache} keeps the clips that are finished"):
        trained = train_model(
            clips,
            step,
            classifier,
            preparation=fields,
            scheme=scheme,
            target=unlabelled,
            n_jobs=n_jobs,
            cache_dir=cache,
            store=store,
            random_state=seed,
            progress=show(quiet),
        )
    trained.save(out)
    for message in trained.failures["message"]:
        remark(message)
    for note in trained.notes:
        remark(note)
    say(to_text(trained, out))
    if len(trained.failures):
        sys.exit(SOME_FAILED)


def open_target(text, *place):
    """Open the corpus of ``--target``; its errors name the option."""
    try:
        return open_corpus(text, *place)
    except ValueError as error:
        raise ValueError(f"--target: {str(error).removeprefix('CORPUS: ')}") from error


def to_text(trained, out):
    """What was trained and how good it is, in lines for a reader; a str."""
    model = trained.model
    about = model.evaluation
    lines = [f"{'':10}  score  interval ({about['intervals']})"]
    for name, one in about["scores"].items():
        interval = "unknown" if one["low"] is None else f"{one['low']:.3f} to {one['high']:.3f}"
        lines.append(f"{_CALLED.get(name, name):10}  {one['score']:.3f}  {interval}")
    width = max(len("true"), *map(len, about["classes"]))
    heads = [f"{name:>{max(5, len(name))}}" for name in about["classes"]]
    lines += ["", f"{'true':{width}}  recall  predicted as {'  '.join(heads)}"]
    for name, counts in zip(about["classes"], about["confusion"], strict=True):
        cells = [f"{n:>{len(head)}}" for n, head in zip(counts, heads, strict=True)]
        gap = " " * len("predicted as")
        lines.append(f"{name:{width}}  {about['recall'][name]:6.3f}  {gap} {'  '.join(cells)}")
    people = "" if about["n_people"] is None else f" of {counted(about['n_people'], 'person')}"
    people = people.replace("persons", "people")
    used = f"{counted(about['n_clips'], 'clip')}{people}"
    if about["n_unlabelled"]:
        used += f", and {counted(about['n_unlabelled'], 'clip')} without labels"
    lines += [
        "",
        f"left out: {about['left out']}; {used}",
        f"method: {about['method']}, scheme {about['scheme']!r}",
        f"preparation: {model.preparation}",
        f"probabilities: {_calibration_words(model.calibration)}",
        f"model: {out}",
    ]
    return "\n".join(lines)


def _calibration_words(calibration):
    if calibration is None:
        return "not calibrated"
    return (
        f"calibrated on clips left out; {calibration.calibration_error:.2f} off on average, log "
        f"loss {calibration.log_loss:.3f} ({calibration.log_loss_prior:.3f} knowing nothing)"
    )
