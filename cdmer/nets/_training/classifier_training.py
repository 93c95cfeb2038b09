"""Training of a network as a classifier, with early stopping and adaptation losses."""

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from cdmer._devices import mixed
from cdmer.nets._networks.layers import BATCH_NORMS, DROPOUTS
from cdmer.nets._training.checkpoint import tensors_of
from cdmer.nets._training.training import Training, forward_all
from cdmer.nets.adaptation import Batch


class ClassifierTraining(Training):
    """Cross-entropy on source rows, and an adaptation loss between source and target rows.

    Parameters
    ----------
    start : Start
    settings : NetClassifier
    device : torch.device
    """

    def __init__(self, start, settings, device):
        super().__init__(start, settings, device)
        rows = self.rows
        dtype = torch.from_numpy(rows.X[:0].copy()).dtype  # rows may be read-only
        self._class_weights = torch.as_tensor(rows.class_weights, dtype=dtype, device=device)

    def run_epoch(self):
        """Go once through the training rows, then look at those that early stopping holds out."""
        super().run_epoch()
        if len(self.rows.validation):
            self._validate()

    def _make_optimizer(self):
        return make_optimizer(self.network.parameters(), self.settings, self.module)

    def _step(self, source, target, progress):
        x, x_target = self._inputs(source), self._inputs(target)
        y = self._codes[source].to(self.device)

        def add_gradients(n_parts):
            whole = (x, y, x_target)
            parts = zip(*(given.tensor_split(n_parts) for given in whole), strict=True)
            losses = [self._gradient(*part, len(part[0]) / len(x), progress) for part in parts]
            return torch.stack(losses).sum()

        return {"loss": self._descend(len(x), add_gradients)}

    def _record(self, curves, lengths):
        return float(np.average(curves["loss"], weights=lengths))

    def _inputs(self, positions):
        x = torch.from_numpy(self.rows.X[positions])
        if self.settings.augment is not None and len(x):
            x = self.settings.augment(x, self.generator)
        return x.pin_memory() if self.device.type == "cuda" else x

    def _gradient(self, x, y, x_target, share, progress):
        """Add the gradient of some rows, `share` of their batch, to that of the parameters."""
        x, x_target = (given.to(self.device, non_blocking=True) for given in (x, x_target))
        with mixed(self.settings.precision, self.device):
            if len(x_target):
                loss = self._adapted_loss(x, y, x_target, progress)
            else:
                loss = self._class_loss(self.network(x), y)
        loss = loss * share
        self.scaler.scale(loss).backward()
        return loss.detach()

    def _adapted_loss(self, x, y, x_target, progress):
        # In one pass, so that both sides share the statistics of batch normalisation.
        features, scores = features_and_scores(self.network, torch.cat([x, x_target]))
        n = len(x)
        source = Batch(features[:n], scores[:n], y)
        target = Batch(features[n:], scores[n:], None)
        adaptation = self.settings.adaptation
        return self._class_loss(scores[:n], y) + adaptation.loss(
            source, target, progress, self.module
        )

    def _class_loss(self, scores, y):
        losses = cross_entropy(scores.to(self._class_weights.dtype), y, reduction="none")
        return (losses * self._class_weights[y]).mean()

    def _consequence(self):
        modules = list(self.network.modules())
        but = []
        if any(isinstance(m, BATCH_NORMS) for m in modules):
            but.append("batch normalisation sees the parts one by one")
        if any(isinstance(module, DROPOUTS) and module.p for module in modules):
            but.append("dropout draws other random numbers")
        if len(self.rows.target):
            but.append("the adaptation loss is the mean of those of the parts")
        same = "the gradients of a batch's parts are added up, which is the same step"
        return same + (f" except that {' and '.join(but)}" if but else "")

    def _validate(self):
        scores = forward_all(
            self.network,
            self.rows.X[self.rows.validation],
            self.device,
            self.settings,
            self.memory,
        )
        y = self._codes[self.rows.validation]
        losses = cross_entropy(scores, y, reduction="none") * self._class_weights.cpu()[y]
        loss = float(losses.mean())
        if not np.isfinite(loss):
            raise FloatingPointError(
                f"validation loss: expected a finite number, got {loss} after epoch {self.epoch} "
                f"with learning_rate={self.settings.learning_rate}; try a smaller one"
            )
        self.validation_losses.append(loss)
        if self.best_epoch == self.epoch:
            self.best = tensors_of(self.network)


def make_optimizer(parameters, settings, module=None):
    """Make the optimizer that the parameters of a `NetClassifier` describe.

    Parameters
    ----------
    parameters : iterable of torch.Tensor
        Those that ask for no gradient are left as they are.
    settings : NetClassifier
    module : torch.nn.Module, default=None
        Layers of the adaptation loss.

    Returns
    -------
    torch.optim.Optimizer
    """
    groups = [{"params": [p for p in parameters if p.requires_grad]}]
    if module is not None:
        rate = settings.learning_rate * settings.adaptation.lr_factor
        groups.append({"params": list(module.parameters()), "lr": rate})
    common = {"lr": settings.learning_rate, "weight_decay": settings.weight_decay}
    if settings.optimizer == "sgd":
        return torch.optim.SGD(groups, momentum=settings.momentum, **common)
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[settings.optimizer]
    return kind(groups, **common)


def features_and_scores(network, x):
    """Features of `embed`, and the scores computed from them."""
    features = network.embed(x)
    dropout = getattr(network, "dropout", None)
    return features, network.head(features if dropout is None else dropout(features))
