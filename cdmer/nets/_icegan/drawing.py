"""Faces that a trained generator draws, batch by batch."""

import numpy as np
import torch

from cdmer._devices import RowsAtOnce, mixed


@torch.no_grad()
def draw_faces(generator, faces, codes, noise, settings, device):
    """Draw faces with the classes asked for.

    Parameters
    ----------
    generator : ICEGANGenerator
        On the device, in evaluation mode.
    faces : torch.Tensor of shape (n, 1, size, size)
    codes : torch.Tensor of shape (n,)
        Positions of the classes asked for.
    noise : torch.Tensor of shape (n, n_noise)
    settings : ICEGANClassifier
        Its ``batch_size`` and ``precision`` are read.
    device : torch.device

    Returns
    -------
    ndarray of shape (n, 1, size, size)
        In the type of `faces`.

    Raises
    ------
    FloatingPointError
        If a grey level is not finite.
    """
    memory = RowsAtOnce()

    def compute(n_parts, batch):
        with mixed(settings.precision, device):
            parts = zip(*(given.tensor_split(n_parts) for given in batch), strict=True)
            made = [generator(*(given.to(device) for given in part)) for part in parts]
        return torch.cat([part.to(faces.dtype).cpu() for part in made])

    def draw(*batch):
        return memory.try_smaller(
            lambda n_parts: compute(n_parts, batch),
            len(batch[0]),
            lambda: "the result is the same",
        )

    given = (rows.split(settings.batch_size) for rows in (faces, codes, noise))
    made = torch.cat([draw(*batch) for batch in zip(*given, strict=True)]).numpy()
    if not np.isfinite(made).all():
        raise FloatingPointError(
            "generate: expected finite grey levels, got others; "
            f'precision="{settings.precision}" may be too little for this generator'
        )
    return made
