"""What ICE-GAN is given: parameters, pictures, and labels to draw."""

import numpy as np
from sklearn.utils.validation import check_array

from cdmer._devices import PRECISIONS
from cdmer._parameters import ParameterError, check_choice, check_flag, check_number
from cdmer.nets._icegan.generator import check_picture
from cdmer.nets._networks.layers import check_sizes
from cdmer.nets._training.rows import read_rows
from cdmer.nets._training.settings import check_checkpoint

_WEIGHTS = (
    "adversarial_weight",
    "asked_weight",
    "generated_weight",
    "pixel_weight",
    "identity_weight",
    "decoder_weight",
)


def check_icegan_settings(settings):
    """Check the parameters of an `ICEGANClassifier`, but `device`.

    Raises
    ------
    ParameterError
        If one has the wrong type or value.
    """
    check_picture(settings.size, settings.width)
    check_flag("graph_reasoning", settings.graph_reasoning)
    names = "n_iterations", "n_epochs", "batch_size", "checkpoint_every"
    check_sizes(**{name: getattr(settings, name) for name in names})
    for name in ("discriminator_lr", "generator_lr", "capsule_weight"):
        check_number(name, getattr(settings, name), above=0)
    for name in _WEIGHTS:
        check_number(name, getattr(settings, name), least=0)
    check_choice("sampler", settings.sampler, (None, "balanced"))
    check_choice("precision", settings.precision, PRECISIONS)
    check_checkpoint(settings)


def read_pictures(model, X, reset):
    """Check the rows to be trained on or classified, and give them their shape.

    Parameters
    ----------
    model : ICEGANClassifier
    X : array-like of shape (n, channels, size, size), or flat rows
    reset : bool
        Whether number and names of columns are to be learnt, or compared.

    Returns
    -------
    ndarray of shape (n, channels, size, size)

    Raises
    ------
    ValueError
        If the shape or the levels are other ones.
    """
    X = read_rows(model, X, reset)
    return _shaped(X, model.size, (1, 2) if reset else model.network_.shape[:1])


def read_faces(model, X):
    """Check the faces that a generator is to start from.

    Parameters
    ----------
    model : ICEGANClassifier
    X : array-like of shape (n, 1 or 2, size, size), or flat rows

    Returns
    -------
    ndarray of shape (n, 1, size, size)
        The first picture of each row.

    Raises
    ------
    ValueError
        If the shape or the levels are other ones.
    """
    dtype = np.float64 if model.precision == "float64" else np.float32
    X = check_array(X, dtype=dtype, allow_nd=True, input_name="X", estimator=model)
    # In a place of their own, however they came: what is drawn follows from strides by a rounding.
    return np.ascontiguousarray(_shaped(X, model.size, (1, 2))[:, :1])


def _shaped(X, size, n_pictures):
    fitting = [n for n in n_pictures if X.shape[1:] in ((n * size**2,), (n, size, size))]
    if not fitting:
        shapes = " or ".join(str((n, size, size)) for n in n_pictures)
        raise ValueError(
            f"X: expected pictures of shape {shapes}, as size={size} asks for, or rows in which "
            f"that is flattened, got shape {X.shape[1:]} per row"
        )
    if not (X.min() >= 0 and X.max() <= 1):
        raise ValueError(
            'X: expected grey levels from 0 to 1, as ApexFrame(size, scaling="relative") makes '
            f"them, got levels from {X.min():.4g} to {X.max():.4g}"
        )
    return X.reshape(len(X), fitting[0], size, size)


def read_labels(label, classes, n):
    """Positions of the classes asked for.

    Parameters
    ----------
    label : label, or array-like of labels of shape (n,)
    classes : ndarray of shape (n_classes,)
    n : int
        Number of faces.

    Returns
    -------
    ndarray of int, shape (n,)

    Raises
    ------
    ParameterError
        If one is no class, or there are more or fewer than faces.
    """
    labels = np.asarray(label)
    if labels.shape not in ((), (n,)):
        raise ParameterError(
            f"label: expected one label, or one for each of {n} faces, got shape {labels.shape}"
        )
    positions = {known: i for i, known in enumerate(classes.tolist())}
    unknown = [one for one in labels.ravel().tolist() if one not in positions]
    if unknown:
        raise ParameterError(
            f"label: expected members of classes_, {classes.tolist()}, got {unknown[0]!r}"
        )
    return np.broadcast_to([positions[one] for one in labels.ravel().tolist()], (n,)).copy()
