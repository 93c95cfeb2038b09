"""Frames by a trained generator."""

import hashlib
import os
from functools import lru_cache

import numpy as np

from cdmer._extras import import_extra
from cdmer._files.reading import open_regular
from cdmer._parameters import ParameterError, check_number
from cdmer.synthesis._expression import Expression, Renderer
from cdmer.synthesis._warp import WarpRenderer, checked_course

_MOST_BYTES = 2**31  # as `load_generator` takes


class GANRenderer(Renderer):
    """Render expressions with a trained generator.

    The generator goes by the class of an expression and shows it in its own way: action units that
    a source draws are not looked at, and rows of a manifest have none.

    Parameters
    ----------
    path : path-like
        A safetensors file that `cdmer.nets.ICEGANClassifier.save_generator` wrote.
    faces : Renderer or ndarray of uint8, shape (n_faces, size, size), default=None
        The neutral faces, of the generator's size: those of a renderer, or pictures. None: those of
        ``WarpRenderer(size=...)``.
    classes : sequence of str, default=None
        Names of the generator's classes, in their order; None: as the file has them.
    device : str, default="cpu"
        Where the generator computes. On the CPU it uses one thread, so that the result is the same
        for any number of workers.

    Attributes
    ----------
    size : int
        Width and height of the frames.
    n_identities : int or None
        Number of faces; None where there is no end to them.
    classes : tuple of str
        Names of the classes that it shows.

    Raises
    ------
    ParameterError
        A ValueError and a TypeError: if faces or classes do not match the generator.
    FileNotFoundError, ValueError
        If there is no such file, it is damaged, or it holds no generator.
    ImportError
        If the extra ``deep`` is missing.

    See Also
    --------
    WarpRenderer : Shows action units.
    cdmer.nets.load_generator : The generator itself.

    Notes
    -----
    The apex is what the generator makes of the face, with noise of its own in each clip; the frames
    before and after mix the two. Pixels fade from one to the other and do not move: what a method
    measures between onset and apex is the generator's, what it measures in between is not.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from cdmer.nets import ICEGANClassifier
    >>> from cdmer.synthesis import Expression, GANRenderer
    >>> X, y = np.full((8, 2, 32, 32), 0.5), ["negative", "positive"] * 4
    >>> model = ICEGANClassifier(size=32, width=4, n_epochs=1, batch_size=4, random_state=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model.fit(X, y).save_generator(f"{folder}/generator.safetensors")
    ...     renderer = GANRenderer(f"{folder}/generator.safetensors")
    ...     rng = np.random.default_rng(0)
    ...     pair = renderer.render(3, Expression("positive", ()), (0, 1), rng)
    >>> renderer.classes, pair.shape
    (('negative', 'positive'), (2, 32, 32))
    """

    def __init__(self, path, faces=None, classes=None, device="cpu"):
        self.path = os.path.abspath(path)
        self.device = device
        self.digest = _digest(self.path)
        generator, own = _load(self.path, self.digest, device)
        self.size = generator.size
        self.classes = _check_classes(self.path, own, classes)
        self.faces = self._drawn_faces() if faces is None else self._check_faces(faces)
        pictures = isinstance(self.faces, np.ndarray)
        self.n_identities = len(self.faces) if pictures else self.faces.n_identities

    def _drawn_faces(self):
        if self.size < 32:
            raise ParameterError(
                f"faces: expected uint8 of shape (n_faces, {self.size}, {self.size}), as the "
                f"generator in {self.path} asks for, got None; drawn faces have 32 pixels at least"
            )
        return WarpRenderer(size=self.size)

    def _check_faces(self, faces):
        if isinstance(faces, Renderer):
            size, good = faces.size, faces.size == self.size
            got = f"a renderer of size {size}"
        else:
            faces = np.array(faces)
            good = faces.dtype == np.uint8 and faces.ndim == 3 and len(faces) > 0
            good = good and faces.shape[1:] == (self.size, self.size)
            got = f"{faces.dtype} of shape {faces.shape}"
        if not good:
            raise ParameterError(
                f"faces: expected a Renderer of size {self.size}, or uint8 of shape (n_faces, "
                f"{self.size}, {self.size}), as the generator in {self.path} asks for, got {got}"
            )
        return faces

    def render(self, identity, expression, course, rng):
        """Render frames, fading from the neutral face to what the generator makes of it.

        Parameters
        ----------
        identity : int
            Which face.
        expression : Expression
            Its class counts, and nothing else.
        course : sequence of float
            Share of the generator's picture in each frame, 0 to 1.
        rng : numpy.random.Generator

        Returns
        -------
        ndarray of uint8, shape (n_frames, size, size)

        Raises
        ------
        ParameterError
            If there is no such face or class, or the course leaves 0 to 1.
        ValueError
            If the file has changed.
        """
        if expression.label not in self.classes:
            raise ParameterError(
                f"label: expected one of {self.classes}, which the generator in {self.path} has, "
                f"got {expression.label!r}"
            )
        course = np.asarray(checked_course(course), dtype=np.float32)
        face = self._face(identity, expression.label, rng).astype(np.float32) / 255
        apex = self._generate(face, self.classes.index(expression.label), rng)
        frames = face + course[:, None, None] * (apex - face)
        return np.rint(255 * frames).astype(np.uint8)

    def _face(self, identity, label, rng):
        if isinstance(self.faces, Renderer):
            return self.faces.render(identity, Expression(label, ()), (0.0,), rng)[0]
        check_number("identity", identity, least=0, most=len(self.faces) - 1, whole=True)
        return self.faces[identity]

    def _generate(self, face, label, rng):
        torch = import_extra("torch", "deep")
        from cdmer._devices import find_device, own_torch

        generator, _ = _load(self.path, self.digest, self.device)
        noise = rng.standard_normal((1, generator.n_noise), dtype=np.float32)
        device = find_device(self.device)
        with own_torch(device), torch.no_grad():
            batch = torch.from_numpy(face)[None, None], torch.tensor([label])
            made = generator(*(t.to(device) for t in (*batch, torch.from_numpy(noise))))
        return made[0, 0].cpu().numpy()

    def describe(self):
        """Describe all that frames depend on except random numbers, as a dict for JSON."""
        faces = self.faces
        if isinstance(faces, np.ndarray):
            faces = {"shape": faces.shape, "sha256": hashlib.sha256(faces.tobytes()).hexdigest()}
        else:
            faces = faces.describe()
        return {
            "renderer": "GANRenderer",
            "sha256": self.digest,
            "classes": self.classes,
            "faces": faces,
        }


def _check_classes(path, own, classes):
    names = tuple(str(name) for name in own)
    if classes is None:
        return names
    good = isinstance(classes, tuple | list) and all(isinstance(c, str) for c in classes)
    if not good or len(set(classes)) != len(names) or len(classes) != len(names):
        raise ParameterError(
            f"classes: expected names for the {len(names)} classes {names} of the generator in "
            f"{path}, got {classes!r}"
        )
    return tuple(classes)


def _digest(path):
    """SHA-256 of the file, or of nothing if it cannot be one: `load_generator` says why."""
    if not os.path.isfile(path) or os.path.getsize(path) > _MOST_BYTES:
        return hashlib.sha256(b"").hexdigest()
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@lru_cache(maxsize=2)  # workers get renderers by pickle, many times, and each file once
def _load(path, digest, device):
    import_extra("torch", "deep")
    from cdmer._devices import find_device
    from cdmer.nets import load_generator

    if _digest(path) != digest:
        raise ValueError(f"{path}: has changed since the renderer was made")
    generator, classes = load_generator(path)
    return generator.to(find_device(device)), classes
