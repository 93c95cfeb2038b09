"""What the classifiers that train a network share: the fit, scores, and copies for files."""

import copy
from abc import ABC, abstractmethod

from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from cdmer._devices import find_device, own_torch
from cdmer._progress import progress_bar
from cdmer.nets._training.checkpoint import (
    checkpoint_path,
    name_fit,
    read_checkpoint,
    write_checkpoint,
)
from cdmer.nets._training.training import forward_all, warn_of_small_set


class TrainedClassifier(ClassifierMixin, BaseEstimator, ABC):
    """Base of classifiers that train a network.

    Subclasses have the parameters ``batch_size``, ``checkpoint``, ``checkpoint_every``, ``device``,
    ``n_epochs``, ``precision``, ``progress``, ``random_state`` and ``sampler``. Their `fit` calls
    `_fit` and sets ``classes_`` and ``network_``.
    """

    @abstractmethod
    def check_parameters(self):
        """Check the parameters as `fit` does."""

    @abstractmethod
    def _start(self, X, y, sample_domain, groups, device):
        """Check the rows and make the network, a Start; inside `own_torch`."""

    @abstractmethod
    def _begin(self, start, device):
        """Make the training of a fit that has started, a Training."""

    @abstractmethod
    def _rows_to_score(self, X):
        """Check X and give it in the shape of the network's input, an ndarray."""

    def _embeds(self):
        """Whether the network gives features before its final layer."""
        return True

    def _fit(self, X, y, sample_domain=None, groups=None):
        """Train the network.

        Returns
        -------
        start : Start
            With the trained network.
        training : Training
        """
        self.check_parameters()
        device = find_device(self.device)
        with own_torch(device, self.precision):
            start = self._start(X, y, sample_domain, groups, device)
            warn_of_small_set(len(start.rows.training), self.batch_size)
            training = self._train(start, device)
        return start, training

    def _train(self, start, device):
        name = path = None
        if self.checkpoint is not None:
            name = name_fit(self, start)
            path = checkpoint_path(self.checkpoint, name)
        training = self._begin(start, device)
        if path is not None and path.exists():
            read_checkpoint(path, training, name)
        with progress_bar(self.n_epochs, "Training", "epoch", self.progress) as bar:
            bar.update(training.epoch)
            while not training.done:
                training.run_epoch()
                bar.update(1)
                if path is not None and (
                    training.done or training.epoch % self.checkpoint_every == 0
                ):
                    write_checkpoint(path, training, name)
        training.finish()
        return training

    def predict(self, X):
        """Predict the class with the largest score.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            As `fit` takes it.

        Returns
        -------
        ndarray of shape (n_samples,)
            Class labels, as in `classes_`.
        """
        best = self._forward(X).argmax(1)
        return self.classes_[best]

    def decision_function(self, X):
        """Compute the scores of the classes, without any softmax.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            As `fit` takes it.

        Returns
        -------
        ndarray of float, shape (n_samples, n_classes), or (n_samples,) for two classes
            For two classes the second score minus the first.
        """
        scores = self._forward(X)
        return scores[:, 1] - scores[:, 0] if len(self.classes_) == 2 else scores

    @available_if(lambda self: self._embeds())
    def embed(self, X):
        """Compute the features before the final layer.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            As `fit` takes it.

        Returns
        -------
        ndarray of float, shape (n_samples, n_features)
        """
        return self._forward(X, "embed")

    def _forward(self, X, method="forward"):
        check_is_fitted(self)
        X = self._rows_to_score(X)
        device = find_device(self.device)
        with own_torch(device, self.precision):
            given = forward_all(self.network_.to(device), X, device, self, method=method)
        # What torch computes outside of the block takes several threads, which hang in a fork.
        return given.numpy()

    def __getstate__(self):
        state = super().__getstate__()
        if "network_" in state:  # so that it can be read where there is no such device
            state = state | {"network_": copy.deepcopy(state["network_"]).cpu()}
        return state
