"""What the parameters of a training may be."""

from os import PathLike

from cdmer._devices import PRECISIONS
from cdmer._parameters import ParameterError, check_choice, check_flag, check_number


def check_settings(settings):
    """Check the parameters of a `NetClassifier`, but `network`, `device` and `class_weight`.

    Raises
    ------
    ParameterError
        If one has the wrong type or value.
    """
    for name in ("n_epochs", "batch_size", "patience", "checkpoint_every"):
        check_number(name, getattr(settings, name), least=1, whole=True)
    check_choice("optimizer", settings.optimizer, ("adam", "adamw", "sgd"))
    check_number("learning_rate", settings.learning_rate, above=0)
    check_number("weight_decay", settings.weight_decay, least=0)
    check_number("momentum", settings.momentum, least=0, most=1)
    check_choice("sampler", settings.sampler, (None, "balanced"))
    check_flag("early_stopping", settings.early_stopping)
    check_number("validation_fraction", settings.validation_fraction, above=0, most=1)
    check_choice("precision", settings.precision, PRECISIONS)
    check_flag("warm_start", settings.warm_start)
    augment, adaptation = settings.augment, settings.adaptation
    if augment is not None and (not callable(augment) or isinstance(augment, type)):
        raise ParameterError(
            "augment: expected a callable, such as HorizontalFlip() with its brackets, or None, "
            f"got {augment!r}"
        )
    is_loss = hasattr(adaptation, "loss") and not isinstance(adaptation, type)
    if adaptation is not None and not is_loss:
        raise ParameterError(
            "adaptation: expected a loss of cdmer.nets.adaptation, such as DAN() with its "
            f"brackets, or None, got {adaptation!r}"
        )
    check_checkpoint(settings)


def check_checkpoint(settings):
    """Check the parameter `checkpoint` of an estimator.

    Raises
    ------
    ParameterError
        If it is no path, or lacks the random_state that it needs.
    """
    if not isinstance(settings.checkpoint, str | PathLike | None):
        raise ParameterError(f"checkpoint: expected a path or None, got {settings.checkpoint!r}")
    if settings.checkpoint is not None and settings.random_state is None:
        raise ParameterError(
            "checkpoint: expected a random_state with it, as a fit can only go on if it would "
            "begin alike, got random_state=None"
        )
