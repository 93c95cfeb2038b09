"""Pipelines taken apart."""

from sklearn.pipeline import Pipeline


def flat_steps(estimator):
    """Steps of an estimator, in order; pipelines within a pipeline count as their steps.

    Parameters
    ----------
    estimator : estimator or Pipeline
        An estimator that is no pipeline is its own only step.

    Yields
    ------
    estimator
        Without None and ``"passthrough"``.
    """
    if isinstance(estimator, Pipeline):
        for _, step in estimator.steps:
            yield from flat_steps(step)
    elif estimator is not None and not (isinstance(estimator, str) and estimator == "passthrough"):
        yield estimator
