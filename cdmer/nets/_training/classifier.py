"""Networks as scikit-learn classifiers."""

import copy

import numpy as np
from scipy.special import softmax
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.metaestimators import available_if

from cdmer.nets._training.base import TrainedClassifier
from cdmer.nets._training.choice import native_shape
from cdmer.nets._training.classifier_training import ClassifierTraining
from cdmer.nets._training.rows import read_rows
from cdmer.nets._training.settings import check_settings
from cdmer.nets._training.start import start_fit


class NetClassifier(ClassNamePrefixFeaturesOutMixin, TransformerMixin, TrainedClassifier):
    """Classifier that trains a network, with or without adaptation to target rows.

    Cross-entropy is minimised for a fixed number of epochs, and the last weights are kept: no row
    that is scored later decides when the training ends.

    Parameters
    ----------
    network : str, type or torch.nn.Module, default="MLP"
        A name in `cdmer.nets.NETWORKS`, such as one that `register_network` put there; a class of
        modules whose constructor takes ``n_classes`` (and ``n_inputs``, the number of columns, if
        it has that); or a module, which is copied and whose weights are where the training begins.
    network_params : dict, default=None
        Further arguments of the constructor.
    n_epochs : int, default=100
        Number of passes through the training rows.
    batch_size : int, default=32
        Rows per step; as many target rows come on top when adapting.
    optimizer : {"adam", "adamw", "sgd"}, default="adam"
        Optimizer of torch.
    learning_rate : float, default=1e-3
        Learning rate of the optimizer.
    weight_decay : float, default=0.0
        Weight decay of the optimizer.
    momentum : float, default=0.0
        Momentum of "sgd"; ignored by the others.
    class_weight : "balanced", dict of label to float, or None, default=None
        Weight of each class in the loss; "balanced" is inverse to its number of rows. The weights
        are scaled so that their mean over the training rows is one.
    sampler : {"balanced"} or None, default=None
        How rows are drawn: "balanced" draws with replacement, each class as often as any other;
        None takes every row once per epoch.
    augment : callable, default=None
        Augmentation such as `HorizontalFlip`: ``augment(x, generator)`` gives a batch to train on
        in place of the batch ``x``, a tensor on the CPU. It draws from the ``torch.Generator``.
    early_stopping : bool, default=False
        Whether to stop when the loss on held-out subjects, taken from the training rows, no longer
        falls, and to keep the weights with which it was least. `fit` then needs `groups`.
    patience : int, default=10
        Epochs without a smaller loss after which early stopping stops.
    validation_fraction : float, default=0.2
        Share of the training rows that early stopping holds out, in whole subjects.
    device : str or torch.device, default="auto"
        Device of the computation; "auto" is a CUDA device where there is one, otherwise the CPU.
    precision : {"float32", "float64", "bf16", "fp16"}, default="float32"
        Precision of the computation. The last two are mixed precision: weights stay in float32.
        They are for GPUs; on the CPU they save no time. On GPUs, "float32" is not rounded to TF32.
    adaptation : Adaptation, default=None
        A loss of `cdmer.nets.adaptation` that brings source and target features together. None:
        target rows are left out.
    checkpoint : path-like, default=None
        File in which the state of the training is kept, for a fit of the same rows with the same
        parameters to go on from; in a folder that exists every fit has its own file. Asks for a
        `random_state`.
    checkpoint_every : int, default=10
        Number of epochs between writes of the checkpoint, which is also written after the last.
    warm_start : bool, default=False
        Whether `fit` begins with the weights of the last one, which asks for the same classes,
        `network` and `network_params`.
    random_state : int, RandomState instance or None, default=None
        Seeds initial weights, the order of rows, dropout and augmentation; None gives other ones
        each time. The global generators of NumPy and torch are left as they are.
    progress : bool, default=None
        Whether to show a progress bar; None shows it on terminals alone.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Sorted labels.
    network_ : torch.nn.Module
        The trained network.
    loss_curve_ : ndarray of shape (n_epochs_,)
        Mean training loss of each epoch.
    validation_loss_curve_ : ndarray of shape (n_epochs_,)
        Validation loss of each epoch; with early stopping only.
    best_epoch_ : int
        Number of epochs after which weights were kept; with early stopping only.
    validation_groups_ : ndarray
        Subjects that were held out; with early stopping only.
    n_epochs_ : int
        Number of epochs done.
    n_features_in_ : int
        Number of columns of X, if it has rows of numbers.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, if X has such.

    Warns
    -----
    UserWarning
        If the training rows fill no batch, or a GPU runs out of memory.

    See Also
    --------
    HorizontalFlip : Mirrors pictures of motion, for `augment`.
    Network : Base of the networks.
    register_network : Makes a network known by name.

    Notes
    -----
    On the CPU fits with the same `random_state` are the same to the bit, whatever the number of
    processors: one thread computes. Train many folds side by side instead (`n_jobs` of what calls
    this). Fits in several threads of one process take turns. GPUs add numbers up in no fixed order.

    When a GPU runs out of memory, batches are computed in halves, quarters and so on from then on,
    and the gradients of the parts added up: the same step, but for rounding, for the statistics of
    batch normalisation and for the random numbers of dropout.

    The last batch of an epoch may be smaller; a single row is joined to the batch before, as batch
    normalisation learns no variance from it.

    Examples
    --------
    >>> import numpy as np
    >>> from cdmer.nets import NetClassifier
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(60, 8)), np.repeat(["negative", "positive"], 30)
    >>> X[30:, 0] += 4
    >>> model = NetClassifier(n_epochs=20, random_state=0).fit(X, y)
    >>> model.predict(X[[0, -1]])
    array(['negative', 'positive'], dtype='<U8')
    """

    __metadata_request__fit = {"sample_domain": True, "groups": True}

    def __init__(
        self,
        network="MLP",
        *,
        network_params=None,
        n_epochs=100,
        batch_size=32,
        optimizer="adam",
        learning_rate=1e-3,
        weight_decay=0.0,
        momentum=0.0,
        class_weight=None,
        sampler=None,
        augment=None,
        early_stopping=False,
        patience=10,
        validation_fraction=0.2,
        device="auto",
        precision="float32",
        adaptation=None,
        checkpoint=None,
        checkpoint_every=10,
        warm_start=False,
        random_state=None,
        progress=None,
    ):
        self.network = network
        self.network_params = network_params
        self.n_epochs = n_epochs
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.momentum = momentum
        self.class_weight = class_weight
        self.sampler = sampler
        self.augment = augment
        self.early_stopping = early_stopping
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.device = device
        self.precision = precision
        self.adaptation = adaptation
        self.checkpoint = checkpoint
        self.checkpoint_every = checkpoint_every
        self.warm_start = warm_start
        self.random_state = random_state
        self.progress = progress

    @property
    def reads_target(self):
        """Whether `fit` uses target rows."""
        return self.adaptation is not None

    def fit(self, X, y, sample_domain=None, groups=None):
        """Train the network.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Clips in the shape that the network takes in, or rows in which that is flattened.
        y : array-like of shape (n_samples,)
            Class labels; those of target rows are never read.
        sample_domain : array-like of int of shape (n_samples,), default=None
            ``>= 0`` for source rows, ``< 0`` for target rows. None: every row is a source row.
        groups : array-like of shape (n_samples,), default=None
            Subject of each row; read for early stopping alone, and that of source rows only.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If X does not fit the network, no row is a source row, the source holds one class only,
            a parameter has a wrong type or value, or the checkpoint is that of another fit.
        FloatingPointError
            If the loss or a score is no longer finite; names epoch and learning rate.
        """
        start, training = self._fit(X, y, sample_domain, groups)
        self._keep(start, training.losses)
        for name in ("validation_loss_curve_", "best_epoch_", "validation_groups_"):
            vars(self).pop(name, None)
        if self.early_stopping:
            self.validation_loss_curve_ = np.array(training.validation_losses)
            self.best_epoch_ = training.best_epoch
            self.validation_groups_ = np.unique(np.asarray(groups)[start.rows.validation])
        return self

    def check_parameters(self):
        """Check the parameters as `fit` does, but those that only the rows can judge.

        These are `network`, `network_params`, `device` and `class_weight`.

        Raises
        ------
        ParameterError
            A ValueError and a TypeError: if one has the wrong type or value.
        """
        check_settings(self)

    def _start(self, X, y, sample_domain, groups, device):
        return start_fit(self, X, y, sample_domain, groups, device)

    def _begin(self, start, device):
        return ClassifierTraining(start, self, device)

    def _keep(self, start, losses):
        """Set what a training has learnt, and its loss of every epoch."""
        self.classes_, self.network_ = start.classes, start.network
        # What a warm start must find unchanged.
        params = copy.deepcopy(self.network_params)
        self._made_from = {"network": self.network, "network_params": params}
        self._input_shape, self._n_features_out = start.rows.X.shape[1:], start.n_features
        self.n_epochs_ = len(losses)
        self.loss_curve_ = np.array(losses)

    def predict_proba(self, X):
        """Predict class probabilities, the softmax of the scores.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            As `fit` takes it.

        Returns
        -------
        ndarray of float, shape (n_samples, n_classes)
        """
        return softmax(self._forward(X), axis=1)

    def transform(self, X):
        """Compute the features before the final layer, as `embed` does.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            As `fit` takes it.

        Returns
        -------
        ndarray of float, shape (n_samples, n_features)
        """
        return self.embed(X)

    def _rows_to_score(self, X):
        X = native_shape(self.network_, read_rows(self, X, reset=False))
        if X.shape[1:] != self._input_shape and not hasattr(self.network_, "expected_input"):
            raise ValueError(
                f"X: expected rows of the shape that was fitted, {self._input_shape}, "
                f"got {X.shape[1:]}"
            )
        return X

    def _embeds(self):
        network = getattr(self, "network_", self.network)
        return hasattr(network, "embed") or isinstance(network, str)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        return tags


# Only now: scikit-learn has put `set_output` around it, and takes what it finds for a function.
NetClassifier.transform = available_if(NetClassifier._embeds)(NetClassifier.transform)
