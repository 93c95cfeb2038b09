"""What was run, and its caveats, in words."""

import json
from collections import Counter

import numpy as np

_SELECTION = {
    "fixed": "Settings of {methods} were fixed beforehand.",
    "nested-loso": "Settings of {methods} were picked within the labelled training rows, leaving "
    "one person out at a time.",
    "label-free": "Settings of {methods} were picked by the criterion “{criterion}”, which reads "
    "no label of the target.",
    "oracle": "Oracle: settings of {methods} were picked on the labels of the very clips that are "
    "tested, as most published tables do. This is the best of them, not what a user would get. "
    "These rows are set apart in every table and figure, and never marked as best.",
}


def about(results):
    """Describe what was run as the page shows it, a dict; unknown parts are empty."""
    info = results.info
    protocol, scheme = info.get("protocol", {}), info.get("scheme", {})
    return {
        "protocol": protocol.get("words", ""),
        "protocol_call": _call(protocol) if protocol else "",
        "scheme": scheme.get("name", results.scheme),
        "classes": results.classes,
        "corpora": [_corpus(corpus, results.classes) for corpus in info.get("corpora", ())],
        "descriptor": info.get("descriptor") or "",
        "methods": [_method(label, given) for label, given in info.get("methods", {}).items()],
        "seeds": info.get("seeds") or [],
        "versions": list(info.get("versions", {}).items()),
        "created": _when(info.get("created")),
        "finished": _when(info.get("finished")),
        "n_done": 0 if results.jobs is None else len(results.jobs),
        "n_experiments": len(results.experiments),
    }


def caveats(results):
    """Caveats: what a reader has to know about the scores, a list of str."""
    said = []
    protocol = results.info.get("protocol", {})
    if "allows_unlabelled_target" in protocol:
        said.append(
            "The tested clips were open to the methods without labels while they were fitted "
            "(transductive)."
            if protocol["allows_unlabelled_target"]
            else "The tested clips were not seen by any method before they were predicted."
        )
    said += _selections(results)
    said += describe_abstentions(results)
    if results.failures is not None and len(results.failures):
        n_all = len(results.failures) + len(results.jobs)
        said.append(
            f"{len(results.failures)} of {n_all} jobs failed and are listed below. Scores marked "
            "† are of the clips that were predicted all the same; a dash means none were."
        )
        lost = [m for m in dict.fromkeys(results.failures["method"]) if m not in results.methods]
        if lost:
            said.append(f"Without any result, and so in no table: {', '.join(lost)}.")
    return said + [note for note in results.info.get("notes", ()) if note not in said]


def describe_abstentions(results):
    """Describe which methods left clips unanswered, how many and why.

    Parameters
    ----------
    results : Results

    Returns
    -------
    list of str
        A sentence, or none.
    """
    frame = results.predictions
    missing = frame["y_pred"].isna()
    found = []
    for method in results.methods if missing.any() else ():
        of_method = (frame["method"] == method).to_numpy()
        number = np.count_nonzero(missing[of_method])
        if number:
            n_all, why = np.count_nonzero(of_method), _reasons(results, method)
            found.append(f"{method} {number} of {n_all}{why}")
    what = "action units of clips" if results.multilabel else "clips"
    return [f"Abstentions, of {what}, count as wrong: {'; '.join(found)}."] if found else []


def _reasons(results, method):
    if results.jobs is None:
        return ""
    reasons = Counter()
    for details in results.jobs.loc[results.jobs["method"] == method, "details"]:
        reasons.update(details.get("abstentions", {}))
    text = ", ".join(f"{reason} {number}" for reason, number in reasons.most_common())
    return f" ({'clips: ' * results.multilabel}{text})" if text else ""


def _selections(results):
    pairs = results.predictions[["selection", "method"]].drop_duplicates()
    methods = {}
    for selection, method in pairs.itertuples(index=False):
        methods.setdefault(str(selection), []).append(method)
    said = []
    for selection, names in methods.items():
        kind, _, criterion = selection.partition(":")
        listed = names if len(names) <= 4 else [f"{len(names)} methods"]
        if kind in _SELECTION:
            listed = " and ".join(filter(None, [", ".join(listed[:-1]), listed[-1]]))
            said.append(_SELECTION[kind].format(methods=listed, criterion=criterion))
    return said


def _call(config):
    given = ", ".join(f"{name}={value!r}" for name, value in config.get("parameters", {}).items())
    text = f"{config['class']}({given})"
    return text if len(text) <= 300 else f"{config['class']}(…)"


def _corpus(corpus, classes):
    counts = [corpus["counts"].get(name, 0) for name in classes]
    return {**corpus, "per_class": counts, "digest": corpus["digest"][:12]}


def _method(label, given):
    settings = given.get("settings")
    parts = (
        {"estimator": given["estimator"], "settings": settings} if settings else given["estimator"]
    )
    return {
        "label": label,
        "citation": given.get("citation", ""),
        "text": json.dumps(parts, indent=1, ensure_ascii=False, sort_keys=True),
    }


def _when(text):
    """Cut an ISO time to minutes."""
    return str(text)[:16].replace("T", " ") + " UTC" if text else ""
