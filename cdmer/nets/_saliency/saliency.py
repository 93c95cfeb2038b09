"""Which places of its pictures a trained network looks at."""

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from cdmer._devices import find_device, own_torch
from cdmer._parameters import ParameterError, check_choice, check_flag
from cdmer.nets._saliency.grad_cam import grad_cam
from cdmer.nets._saliency.maps import SaliencyMaps
from cdmer.nets._saliency.occlusion import occlusion
from cdmer.nets._saliency.places import PlacedPart, as_found
from cdmer.nets._training.classifier import NetClassifier

METHODS = ("occlusion", "grad-cam")


def saliency(
    estimator,
    X,
    method="occlusion",
    *,
    target=None,
    part=None,
    signed=False,
    layer=None,
    window=None,
    stride=None,
    baseline="median",
):
    r"""Map the places of a picture that a trained network bases its score of a class on.

    With the score :math:`s` of the class, before the softmax:

    - "occlusion" [1]_ hides one window after the other and measures how far the score falls. A
      pixel's value is the mean fall over the windows that hide it. One pass forward per window.
    - "grad-cam" [2]_ weights the maps :math:`A_k` that a layer gives by the mean of the gradient
      over all places, :math:`\alpha_k = \frac{1}{|P|} \sum_{p \in P} \partial s / \partial A_{kp}`.
      The map :math:`\max(0, \sum_k \alpha_k A_k)` is enlarged to the size of the picture, by linear
      interpolation. One pass forward and one backward; no finer than the layer.

    Parameters
    ----------
    estimator : NetClassifier or sklearn.pipeline.Pipeline
        Fitted. A pipeline ends in a NetClassifier; X is what it takes.
    X : array-like of shape (n_clips, ...) or sequence of clips
        As `estimator.predict` takes it.
    method : {"occlusion", "grad-cam"}, default="occlusion"
        How places are mapped, see above.
    target : label or array-like of shape (n_clips,), default=None
        Class to explain, for all clips or one each. None explains the predicted one.
    part : str, default=None
        Name of the part of the network's input that is mapped, see `Network.expected_input`. None
        takes the only part that has places.
    signed : bool, default=False
        Whether places that speak against the class keep their negative values; otherwise they are
        0, as in [2]_.
    layer : str or sequence of str, default=None
        For "grad-cam": name of the module whose maps are weighted, as in
        ``network_.named_modules()``; the maps of several add up. None: on each way from the scores
        back to the input the first module whose output has more than one place.
    window : int or tuple of int, default=None
        For "occlusion": height and width of the window in pixels, or one number for both; three
        numbers are frames, height and width. None: an eighth of the picture's height and width,
        rounded up. All frames at once, unless their number is given.
    stride : int or tuple of int, default=None
        For "occlusion": steps from one window to the next, as `window`; the last window ends where
        the picture does. None: half the window, rounded down, but at least 1.
    baseline : "median", float or sequence of float, default="median"
        For "occlusion": what hides a window, for all channels or one value each. "median" is that
        of each channel of each clip. Under "per-image" scaling of `cdmer.features.FlowImages` no
        fixed value means that nothing moves, but the median is near it, as most of a face keeps
        still; with the other scalings 0 means so for motion and strain.

    Returns
    -------
    SaliencyMaps

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If the estimator is not fitted.
    ValueError
        If X does not fit the network, whose input may also be columns that have no place; if the
        network has no layer of maps ("grad-cam"); if `target` is no class; or if a parameter has a
        wrong type or value.

    See Also
    --------
    SaliencyMaps.regions : Shares of facial regions, to compare with the weights of
        `cdmer.adaptation.TGSR`.
    cdmer.evaluation.plot_regions : Draw such shares.

    Notes
    -----
    The network computes as in `predict`, without dropout, but gradients in the precision of the
    weights. Its mode, gradients and hooks are left as they were, and so are torch's generators.

    Grad-CAM takes for granted that a channel counts alike everywhere, as it does before a global
    average pool. `STSTNet`, `OffApexNet`, `DSSN` and others have a weight per place; there its
    maps may lie elsewhere. On synthetic faces, `STSTNet` knows surprise by the brows: occlusion
    finds about 87 % in the upper half of the face, Grad-CAM 36 %.

    Streams end in layers of their own, whose weighted maps are added up: as if their channels were
    those of one layer, if they have the same size. Outputs are read as (n, channels, height, width)
    or (n, channels, frames, height, width). Where frames pass a layer one by one, as in `ELRCN`,
    each has weights :math:`\alpha_k` of its own. On a layer that is followed by a global average
    pool and a linear layer the map is that of [3]_, divided by the number of places.

    The paper of `DSSN` [4]_ shows by such maps which places are salient.

    References
    ----------
    .. [1] M. D. Zeiler and R. Fergus, "Visualizing and understanding convolutional networks",
       ECCV 2014, https://doi.org/10.1007/978-3-319-10590-1_53
    .. [2] R. R. Selvaraju, M. Cogswell, A. Das, R. Vedantam, D. Parikh and D. Batra, "Grad-CAM:
       visual explanations from deep networks via gradient-based localization", ICCV 2017,
       https://doi.org/10.1109/ICCV.2017.74
    .. [3] B. Zhou, A. Khosla, A. Lapedriza, A. Oliva and A. Torralba, "Learning deep features for
       discriminative localization", CVPR 2016, https://doi.org/10.1109/CVPR.2016.319
    .. [4] H.-Q. Khor, J. See, S.-T. Liong, R. C. W. Phan and W. Lin, "Dual-stream shallow networks
       for facial micro-expression recognition", ICIP 2019,
       https://doi.org/10.1109/ICIP.2019.8802965

    Examples
    --------
    >>> import numpy as np
    >>> from cdmer.features import RegionGrid
    >>> from cdmer.nets import NetClassifier, saliency
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(64, 3, 28, 28)), np.arange(64) % 2
    >>> X[y == 1, :, :14, :14] += 2  # top left
    >>> model = NetClassifier("STSTNet", n_epochs=20, learning_rate=0.01, random_state=0).fit(X, y)
    >>> found = saliency(model, X[:4], target=1, baseline=0)
    >>> found.maps.shape
    (4, 28, 28)
    >>> found.regions(RegionGrid((2,))).mean(axis=0).argmax()
    np.int64(0)
    """
    check_choice("method", method, METHODS)
    check_flag("signed", signed)
    model, X = _last_step(estimator, X)
    check_is_fitted(model)
    network, device = model.network_, find_device(model.device)
    with as_found(network), own_torch(device):
        scores = model._forward(X)
        codes = _find_codes(target, model.classes_, scores)
        X = model._rows_to_score(X)
        placed = PlacedPart.find(network, X.shape[1:], part)
        if method == "grad-cam":
            maps = grad_cam(model, X, codes, placed, layer, signed, device)
        else:
            maps = occlusion(model, X, codes, scores, placed, window, stride, baseline, device)
            maps = maps if signed else np.maximum(maps, 0)
    return SaliencyMaps(maps, model.classes_[codes], method, placed.name)


def _last_step(estimator, X):
    """The last step of a pipeline, and its X."""
    model = estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator
    if not isinstance(model, NetClassifier):
        raise ParameterError(
            "estimator: expected a fitted NetClassifier, or a Pipeline that ends in one, got "
            f"{type(model).__name__}"
        )
    if isinstance(estimator, Pipeline) and len(estimator) > 1:
        X = estimator[:-1].transform(X)
    return model, X


def _find_codes(target, classes, scores):
    """Position of the class to explain, for each clip."""
    if target is None:
        return scores.argmax(1)
    labels = np.asarray(target)
    if labels.shape not in ((), (len(scores),)):
        raise ParameterError(
            f"target: expected one class, or one for each of {len(scores)} clips, got shape "
            f"{labels.shape}"
        )
    positions = {label: i for i, label in enumerate(classes.tolist())}
    wanted = np.broadcast_to(labels, len(scores)).tolist()
    unknown = [label for label in wanted if label not in positions]
    if unknown:
        raise ParameterError(f"target: expected some of {classes.tolist()}, got {unknown[0]!r}")
    return np.array([positions[label] for label in wanted])
