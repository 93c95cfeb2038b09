"""What a network has learnt, as a descriptor of clips."""

import hashlib
import os

import numpy as np
from joblib import effective_n_jobs
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.exceptions import NotFittedError

from cdmer._clips import named_clips
from cdmer._cv2 import one_cv2_thread
from cdmer._extras import import_extra
from cdmer._steps import any_part
from cdmer.features._deep.forward import find_embedder
from cdmer.features._deep.input import Preparation
from cdmer.features._deep.made_by import default_preparation
from cdmer.features._deep.settings import check_settings, moments


class DeepFeatures(TransformerMixin, BaseEstimator):
    """Features that a network computes from clips.

    Clips are read and prepared by workers while the network computes with those before them, on a
    GPU also while batches travel there and back.

    Parameters
    ----------
    network : str, torch.nn.Module or type
        A name in `cdmer.nets.NETWORKS`; ``"torchvision:<model>"`` or ``"timm:<model>"``, where
        those are installed; a module, which is copied and used with the weights that it has; or a
        class of modules.
    layer : str or None, default=None
        Layer whose output is taken. None: the features before the final layer, which the module's
        ``embed`` gives. Otherwise the module of that name, as ``named_modules()`` has it, within
        the network; ``""`` is the network itself.
    weights : path-like, "default" or None, default=None
        A safetensors file or a torch file of a state dict, of which only tensors are read;
        "default" downloads what torchvision or timm offers for a model of theirs. None: a given
        module as it is, otherwise random numbers, with a warning.
    device : str or torch.device, default="auto"
        Device of the computation; "auto" is a CUDA device where there is one, otherwise the CPU.
    batch_size : int, default=16
        Clips that the network takes at once.
    network_params : dict, default=None
        Arguments of the network's constructor.
    names : dict of str to (str or None), callable or "released", default=None
        What the tensors of a file are called in the network, see `cdmer.nets.load_weights`.
    strict : bool, default=True
        Whether all weights that the features depend on must fit: those of the final layer may
        differ where `layer` is None. False fills what fits, with a warning if something does not.
    prepare : transformer, default=None
        Transformer that makes the network's input from clips: `FlowImages`, a pipeline that ends
        with `Frames`, or anything whose ``transform`` gives an array with one row per clip and
        needs no fitting. None: what the network names as `made_by`; modules without that need a
        transformer.
    mean, std : float or sequence of float, default=0.0 and 1.0
        One number, or one per channel: ``(x - mean) / std`` of what `prepare` makes is what the
        network sees, as the weights were trained with.
    pool : {"mean", "max"} or None, default="mean"
        How a layer with more than one number per channel is pooled: their mean or largest
        over places and frames, axes 2 and up; over steps, axis 1, where there are three axes. None
        puts all numbers in a row.
    precision : {"float32", "float64", "bf16", "fp16"}, default="float32"
        Precision of the computation; the last two are mixed precision.
    compile : bool, default=False
        Whether to compile the network by ``torch.compile``: minutes for a large one, and worth
        it for many clips on a GPU.
    random_state : int or None, default=None
        Seed of random weights, which are then the same in every process; required with them.
    n_jobs : int, default=None
        Number of workers that read and prepare clips: a thread if it is one, otherwise processes,
        or threads where that is joblib's backend. None means 1 unless in a
        `joblib.parallel_config` context, -1 means all processors.

    Attributes
    ----------
    prepare_ : transformer
        Transformer that makes the network's input.
    weights_report_ : WeightsReport or None
        How each tensor of the file of weights was used.

    Warns
    -----
    UserWarning
        If weights are random, do not fit as a whole with ``strict=False``, or a GPU runs out of
        memory: batches are halved from then on.

    Raises
    ------
    ImportError
        By `fit` and `transform`, if torch or the library of the model is missing.
    FileNotFoundError, ValueError, TypeError, RuntimeError
        By `fit` and `transform`, if a parameter has the wrong type or value, or weights are missing
        or do not fit. By `transform`, if a clip cannot be read or prepared, the network does not
        take the input, or features are not finite; RuntimeError is what steps of
        `cdmer.preprocessing` raise. The message names the parameter or the clip.

    See Also
    --------
    FlowImages : Pictures of motion.
    Frames : The frames as numbers.
    cdmer.extraction.extract : Describes clips one by one, goes on after damaged ones.

    Notes
    -----
    Nothing is learnt from clips. The same call gives the same features; for another `batch_size`
    they may differ by rounding, because libraries add numbers up in another order, and for another
    `n_jobs` not at all.

    Faces are not cropped or aligned here: put ``cdmer.preprocessing.CropAlign()`` and the like
    before this step, in a pipeline.

    A process keeps the two networks that it used last, unless they were given as modules. The cache
    of `cdmer.extraction.extract` names a file of weights by path and content; it cannot name
    modules.

    Models of torchvision and timm do not name their input: `prepare`, `mean` and `std` have to be
    those that their weights were trained with. For ``"torchvision:r3d_18"`` that is
    ``make_pipeline(Resize(112, 112), TemporalInterpolation(16), Frames(colour=True,
    scaling="kinetics"))``.

    Frames travel to the device as bytes and are scaled there, where `prepare` is `Frames` or a
    pipeline that ends with it, and does nothing but scale.

    Examples
    --------
    >>> from cdmer.corpora import make_synthetic_corpus
    >>> from cdmer.features import DeepFeatures
    >>> from cdmer.nets import STSTNet
    >>> clips = make_synthetic_corpus("webcam-25fps", n_clips=3, random_state=0)
    >>> DeepFeatures(STSTNet()).fit_transform(clips).shape
    (3, 400)
    """

    def __init__(
        self,
        network,
        layer=None,
        weights=None,
        device="auto",
        batch_size=16,
        *,
        network_params=None,
        names=None,
        strict=True,
        prepare=None,
        mean=0.0,
        std=1.0,
        pool="mean",
        precision="float32",
        compile=False,
        random_state=None,
        n_jobs=None,
    ):
        self.network = network
        self.layer = layer
        self.weights = weights
        self.device = device
        self.batch_size = batch_size
        self.network_params = network_params
        self.names = names
        self.strict = strict
        self.prepare = prepare
        self.mean = mean
        self.std = std
        self.pool = pool
        self.precision = precision
        self.compile = compile
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X=None, y=None):
        """Check the parameters, and make the network; nothing is learnt from clips.

        Parameters
        ----------
        X : ignored
            Clips; their frames are not read.
        y : ignored

        Returns
        -------
        self
            The transformer itself.
        """
        import_extra("torch", "deep")
        check_settings(self)
        embedder = find_embedder(self)
        self.weights_report_ = embedder.report
        self.prepare_ = self.prepare
        if self.prepare is None:
            self.prepare_ = default_preparation(embedder.network)
        self.__dict__.pop("_n_features_out", None)
        return self

    def transform(self, X):
        """Compute the features of clips.

        Parameters
        ----------
        X : sequence of clips
            Each a `cdmer.corpora.Clip`, or an array of frames where `prepare` takes those.

        Returns
        -------
        ndarray of float32, shape (n_clips, n_features)
            Or float64 if that is the precision.
        """
        check_settings(self)  # they may have been set anew
        ready = self._ready()
        # An array of colour clips is a sequence of them.
        named = named_clips(list(X) if getattr(X, "ndim", 0) == 5 else X)
        embedder = find_embedder(ready)
        prepare = default_preparation(embedder.network) if self.prepare is None else self.prepare
        preparation = Preparation(prepare, embedder.dtype, *moments(ready))
        n_workers = effective_n_jobs(ready.n_jobs)
        with one_cv2_thread():
            rows = preparation.rows(named, n_workers, 2 * ready.batch_size + n_workers)
            batches = embedder.batches(rows, ready.batch_size, preparation.input_shape)
            parts = [part for _, part in embedder(batches, preparation.finish)]
        features = np.concatenate(parts)
        self._n_features_out = features.shape[1]
        return features

    def get_feature_names_out(self, input_features=None):
        """Name the columns.

        Parameters
        ----------
        input_features : ignored

        Returns
        -------
        ndarray of str objects, shape (n_features,)
            ``"deepfeatures0"`` and so on.

        Raises
        ------
        NotFittedError
            If the network does not state its input, and no clip has been described yet.
        """
        ready = self._ready()
        if not hasattr(ready, "_n_features_out"):
            ready._n_features_out = find_embedder(ready).count_features()
        if ready._n_features_out is None:
            raise NotFittedError(
                "the network does not state its input: the number of features is known after "
                "transform"
            )
        return np.array([f"deepfeatures{i}" for i in range(ready._n_features_out)], dtype=object)

    @property
    def measures_flow(self):
        """Whether what prepares clips measures their motion, a bool; makes the network."""
        return any_part(self._ready().prepare_, "measures_flow")

    @property
    def needs_apex(self):
        """Whether what prepares clips looks at their apex, a bool; makes the network."""
        return any_part(self._ready().prepare_, "needs_apex")

    def file_digests(self):
        """Digests of the files that the features depend on, for caches and stores of results.

        Returns
        -------
        dict of str to str
            SHA-256 of the file of `weights`, under that name; empty where there is no such file.
        """
        is_path = isinstance(self.weights, str | os.PathLike) and self.weights != "default"
        if not is_path or not os.path.isfile(self.weights):
            return {}
        with open(self.weights, "rb") as file:
            return {"weights": hashlib.file_digest(file, "sha256").hexdigest()}

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.requires_fit = False
        return tags

    def _ready(self):
        """Itself, or a fitted copy: nothing is learnt, so that `fit` need not be called first."""
        return self if hasattr(self, "prepare_") else clone(self).fit()
