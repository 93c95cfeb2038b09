"""ICE-GAN as a scikit-learn classifier that can also draw what it classifies."""

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from cdmer._devices import find_device, own_torch, weight_dtype
from cdmer.nets._icegan.drawing import draw_faces
from cdmer.nets._icegan.file import save_generator
from cdmer.nets._icegan.input import (
    check_icegan_settings,
    read_faces,
    read_labels,
    read_pictures,
)
from cdmer.nets._icegan.network import ICEGAN
from cdmer.nets._icegan.training import ICEGANTraining
from cdmer.nets._training.base import TrainedClassifier
from cdmer.nets._training.rows import Rows
from cdmer.nets._training.start import Start, draw_seeds, split_and_seed


class ICEGANClassifier(TrainedClassifier):
    r"""ICE-GAN, a classifier that also learns to generate micro-expressions [1]_.

    A generator gives a face :math:`x` the expression :math:`c` that it is asked for, with noise
    :math:`z`; the capsules of a discriminator say of a picture whether it is real and what class
    it shows. With :math:`M(\cdot, k)` the margin loss for a long capsule :math:`k`, the
    discriminator and the generator go down

    .. math::
        L_D &= \lambda_a [M(x, \text{real}) + M(G(x, c), \text{generated})] + \lambda_c M(x, y)
        + \lambda_g M(G(x, c), c) + \lambda_d \operatorname{MSE}(R(x, y), x) \\
        L_G &= \lambda_a M(G(x, c), \text{real}) + \lambda_r M(G(x, c), c)
        + \lambda_p [c = y] \, |G(x, c) - x|_1 + \lambda_i |E(G(x, c)) - E(x)|_1

    in turn, for a fixed number of epochs; the last weights are kept. :math:`R` is the decoder of
    the capsules, :math:`E` what the generator's U-Net holds at its single place.

    Parameters
    ----------
    size : int, default=128
        Height and width of the pictures: a power of two from 16.
    width : int, default=64
        Channels of the first convolutions, a multiple of 4; all others follow it.
    graph_reasoning : bool, default=True
        Whether the generator's skips pass through graph reasoning.
    n_iterations : int, default=3
        Iterations of the routing between capsules.
    n_epochs : int, default=100
        Number of passes through the training rows.
    batch_size : int, default=16
        Rows per step; as many target rows come on top, if there are any.
    discriminator_lr, generator_lr : float, default=1e-3
        Learning rates of Adam, whose betas are .5 and .999.
    adversarial_weight : float, default=1.0
        Weight of distinguishing real from generated, :math:`\lambda_a`, for both networks.
    capsule_weight : float, default=1.0
        Weight of the classes of real pictures, :math:`\lambda_c`, for the discriminator; above
        zero.
    asked_weight : float, default=1.0
        Weight of the classes that the generator was asked for, :math:`\lambda_r`.
    generated_weight : float, default=0.0
        Weight of the classes of generated pictures for the discriminator, :math:`\lambda_g`: above
        zero they are further training rows, with the classes that were asked for.
    pixel_weight : float, default=100.0
        Weight of the pixel loss, :math:`\lambda_p`, where the right grey levels are known.
    identity_weight : float, default=1.0
        Weight of the identity loss, :math:`\lambda_i`: the difference in the generator's own
        features of the face.
    decoder_weight : float, default=0.0005
        Weight of the squared error of the decoder, :math:`\lambda_d`.
    sampler : {"balanced"} or None, default="balanced"
        How rows are drawn: "balanced" draws with replacement, each class as often as any other;
        None takes every row once per epoch.
    device : str or torch.device, default="auto"
        Device of the computation; "auto" is a CUDA device where there is one, otherwise the CPU.
    precision : {"float32", "float64", "bf16", "fp16"}, default="float32"
        Precision of the computation. The last two are mixed precision: weights and capsules stay in
        float32.
    checkpoint : path-like, default=None
        File in which the state of the training is kept, for a fit of the same rows with the same
        parameters to go on from; in a folder that exists every fit has its own file. Asks for a
        `random_state`.
    checkpoint_every : int, default=10
        Number of epochs between writes of the checkpoint, which is also written after the last.
    random_state : int, RandomState instance or None, default=None
        Seeds initial weights, the order of rows, classes asked for and noise; None gives other
        ones each time. The global generators of NumPy and torch are left as they are.
    progress : bool, default=None
        Whether to show a progress bar; None shows it on terminals alone.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Sorted labels.
    network_ : ICEGAN
        Both trained networks.
    loss_curves_ : dict of str to ndarray of shape (n_epochs,)
        Mean of each term in each epoch, before its weight. Terms of weight zero are not computed.
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
    ICEGAN : The networks.
    load_generator : A generator that `save_generator` wrote.

    Notes
    -----
    Rows hold one picture, the apex, as in [1]_, or two, onset and apex. The generator starts from
    the first and is to make the last. With one, own classes (:math:`c = y`) ask it to leave the
    face as it is, and nothing shows it one face under two expressions. With two, own classes ask
    it for the very apex, and the discriminator sees what has moved: the better choice where onsets
    are at hand. On synthetic faces a network trained apart saw the class asked for in all faces
    drawn so, and no more often than by chance in those drawn after training on apexes alone
    (benchmarks/icegan.py). Every second labelled row is asked for its own class, the others for
    any.

    The terms are those of [1]_; that the identity term compares what the generator's own encoder
    sees, that only own classes have a pixel term, and :math:`\lambda_g` are choices made here. With
    :math:`\lambda_g` above zero both networks may agree on signs of a class that no other observer
    would recognise. :math:`\lambda_d` is the weight of a mean over pixels. The published .874 and
    .883 (UF1, UAR) keep the epoch that was best on each tested person; the last epoch gave about
    .747 and .801.

    The labels of target rows are never read. These rows take part in what needs no label: they are
    real pictures, and faces to draw classes on. Without `sample_domain` there are none.

    Scores, as `decision_function` gives them, are the lengths of the class capsules, from 0 to 1.

    On the CPU fits with the same `random_state` are the same to the bit: one thread computes. GPUs
    add numbers up in no fixed order.

    References
    ----------
    .. [1] J. Yu, C. Zhang, Y. Song and W. Cai, "ICE-GAN: identity-aware and capsule-enhanced GAN
       with graph-based reasoning for micro-expression recognition and synthesis", IJCNN 2021,
       https://doi.org/10.1109/IJCNN52387.2021.9533988, https://arxiv.org/abs/2005.04370

    Examples
    --------
    >>> import numpy as np
    >>> from cdmer.nets import ICEGANClassifier
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.uniform(size=(8, 1, 16, 16)), np.repeat(["negative", "positive"], 4)
    >>> model = ICEGANClassifier(size=16, width=4, n_epochs=2, batch_size=4, random_state=0)
    >>> model.fit(X, y).predict(X).shape
    (8,)
    >>> model.generate(X[:2], "positive", random_state=0).shape
    (2, 1, 16, 16)
    """

    __metadata_request__fit = {"sample_domain": True}

    def __init__(
        self,
        *,
        size=128,
        width=64,
        graph_reasoning=True,
        n_iterations=3,
        n_epochs=100,
        batch_size=16,
        discriminator_lr=1e-3,
        generator_lr=1e-3,
        adversarial_weight=1.0,
        capsule_weight=1.0,
        asked_weight=1.0,
        generated_weight=0.0,
        pixel_weight=100.0,
        identity_weight=1.0,
        decoder_weight=0.0005,
        sampler="balanced",
        device="auto",
        precision="float32",
        checkpoint=None,
        checkpoint_every=10,
        random_state=None,
        progress=None,
    ):
        self.size = size
        self.width = width
        self.graph_reasoning = graph_reasoning
        self.n_iterations = n_iterations
        self.n_epochs = n_epochs
        self.batch_size = batch_size
        self.discriminator_lr = discriminator_lr
        self.generator_lr = generator_lr
        self.adversarial_weight = adversarial_weight
        self.capsule_weight = capsule_weight
        self.asked_weight = asked_weight
        self.generated_weight = generated_weight
        self.pixel_weight = pixel_weight
        self.identity_weight = identity_weight
        self.decoder_weight = decoder_weight
        self.sampler = sampler
        self.device = device
        self.precision = precision
        self.checkpoint = checkpoint
        self.checkpoint_every = checkpoint_every
        self.random_state = random_state
        self.progress = progress

    def fit(self, X, y, sample_domain=None):
        """Train both networks.

        Parameters
        ----------
        X : array-like of shape (n_samples, 1 or 2, size, size)
            Grey levels from 0 to 1, of apex frames as ``ApexFrame(size, scaling="relative")`` makes
            them, or of onset and apex frames; or rows in which they are flattened.
        y : array-like of shape (n_samples,)
            Class labels; those of target rows are never read.
        sample_domain : array-like of int of shape (n_samples,), default=None
            ``>= 0`` for source rows, ``< 0`` for target rows. None: every row is a source row.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If X holds other pictures, no row is a source row, the source holds one class only, a
            parameter has a wrong type or value, or the checkpoint is that of another fit.
        FloatingPointError
            If a loss or a score is no longer finite; names epoch and learning rates.
        """
        start, training = self._fit(X, y, sample_domain)
        self.classes_, self.network_ = start.classes, start.network
        self.n_epochs_ = training.epoch
        names = training.losses[0]
        self.loss_curves_ = {name: np.array([e[name] for e in training.losses]) for name in names}
        return self

    def check_parameters(self):
        """Check the parameters as `fit` does, but `device`.

        Raises
        ------
        ParameterError
            A ValueError and a TypeError: if one has the wrong type or value.
        """
        check_icegan_settings(self)

    def _start(self, X, y, sample_domain, groups, device):
        X = read_pictures(self, X, reset=True)
        source, classes, codes, generator = split_and_seed(self, len(X), y, sample_domain, device)
        network = ICEGAN(
            len(classes), self.size, self.width, X.shape[1], self.n_iterations, self.graph_reasoning
        )
        all_codes = np.full(len(X), -1)
        all_codes[source] = codes
        rows = Rows(
            X=X,
            codes=all_codes,
            training=np.flatnonzero(source),
            validation=np.empty(0, dtype=np.int64),
            target=np.flatnonzero(~source),
            class_weights=np.ones(len(classes)),
        )
        network = network.to(weight_dtype(self.precision))
        return Start(network, None, classes, rows, None, generator)

    def _begin(self, start, device):
        return ICEGANTraining(start, self, device)

    def _rows_to_score(self, X):
        return read_pictures(self, X, reset=False)

    def predict_proba(self, X):
        """Predict class probabilities, the lengths of the class capsules scaled to a sum of one.

        Parameters
        ----------
        X : array-like of shape (n_samples, 1 or 2, size, size), or flat rows
            As `fit` takes it.

        Returns
        -------
        ndarray of float, shape (n_samples, n_classes)
        """
        found = self._forward(X)
        return found / found.sum(axis=1, keepdims=True)

    def generate(self, X, label, random_state=None):
        """Generate faces that show given classes.

        Parameters
        ----------
        X : array-like of shape (n_samples, 1 or 2, size, size), or flat rows
            Grey levels from 0 to 1. The first picture of each row is the face to start from; a
            second one is ignored.
        label : label, or array-like of labels of shape (n_samples,)
            Classes to show, members of `classes_`.
        random_state : int, RandomState instance or None, default=None
            Seeds the noise; None gives another one each time.

        Returns
        -------
        ndarray of float, shape (n_samples, 1, size, size)
            Grey levels from 0 to 1.

        Raises
        ------
        ValueError
            If X holds other pictures, or a label is none of `classes_`.
        FloatingPointError
            If the generator overflows.
        """
        check_is_fitted(self)
        faces = read_faces(self, X)
        codes = torch.from_numpy(read_labels(label, self.classes_, len(faces)))
        draws = torch.Generator().manual_seed(draw_seeds(random_state)[0])
        faces = torch.from_numpy(faces)
        shape = len(faces), self.network_.generator.n_noise
        noise = torch.randn(shape, generator=draws, dtype=faces.dtype)
        device = find_device(self.device)
        with own_torch(device, self.precision):
            generator = self.network_.to(device).generator.eval()
            return draw_faces(generator, faces, codes, noise, self, device)

    def save_generator(self, path):
        """Save the generator and its classes as safetensors, for `load_generator`.

        Parameters
        ----------
        path : path-like
            File to write; replaced if cdmer wrote it.

        Raises
        ------
        FileExistsError
            If another file is there.
        OSError
            If the file cannot be written.
        """
        check_is_fitted(self)
        save_generator(path, self.network_.generator, self.classes_)

    def plot_losses(self, axes=None):
        """Plot the terms of both losses over the epochs.

        Parameters
        ----------
        axes : sequence of two matplotlib.axes.Axes, default=None
            Axes for the discriminator and the generator; None makes a figure.

        Returns
        -------
        ndarray of two matplotlib.axes.Axes

        Raises
        ------
        ImportError
            If matplotlib is missing.
        """
        from cdmer.nets._icegan.losses import draw_losses

        check_is_fitted(self)
        return draw_losses(self.loss_curves_, axes)
