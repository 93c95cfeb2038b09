"""Bases of descriptors of motion: they get optical flow in place of grey levels."""

from abc import abstractmethod

from cdmer._parameters import ParameterError
from cdmer.features._descriptor import ClipDescriptor, shares
from cdmer.features._flow.clip_flow import OpticalFlow, clip_flow

# Pixels handled at once: their arrays stay in the second-level cache.
_SLAB = 2**16


class FlowDescriptor(ClipDescriptor):
    """Base of descriptors of motion: regions of optical flow become a few numbers each.

    Parameters
    ----------
    flow : OpticalFlow, default=None
        Motion to describe, and how it is measured; its `n_jobs` is not used. None stands for
        ``OpticalFlow()``, from the onset to each later frame, unless a subclass says otherwise.
    grid, device, n_jobs
        See `ClipDescriptor`.

    Attributes
    ----------
    measures_flow : bool
        True: motion of the head is to be undone before, see `cdmer.preprocessing.Preparation`.

    See Also
    --------
    ClipDescriptor : What a subclass defines.

    Notes
    -----
    ``_describe(data, boxes)`` gets an array of float32, shape (n_fields, H, W, 2), as `data`:
    motion to the right (u) and down (v) in pixels. A subclass that defines ``_check_parameters()``
    calls the inherited one as well. ``_default_flow`` is a dict of the parameters of `OpticalFlow`
    that ``flow=None`` stands for.
    """

    measures_flow = True
    _fewest_frames = 2
    _default_flow = {}

    def __init__(self, flow=None, grid=None, device=None, n_jobs=None):
        super().__init__(grid, device, n_jobs)
        self.flow = flow

    def _check_parameters(self):
        if self.flow is not None and not isinstance(self.flow, OpticalFlow):
            raise ParameterError(f"flow: expected an OpticalFlow or None, got {self.flow!r}")
        self._flow_used().fit()

    def _flow_used(self):
        return OpticalFlow(**self._default_flow) if self.flow is None else self.flow

    def _measure(self, frames, clip, name):
        flow = self._flow_used()
        return clip_flow(frames, clip, name, flow.method, flow.reference)


class FlowHistogram(FlowDescriptor):
    """Base of histograms of all vectors of a clip, as shares of their sum in each region."""

    def _describe(self, data, boxes):
        return shares(sum(self._count(field, boxes) for field in slabs(data)))

    @abstractmethod
    def _count(self, field, boxes):
        """Votes in each region for flow of shape (n_fields, H, W, 2), (n_regions, n_columns)."""


def slabs(flow):
    """Cut flow of shape (n_fields, H, W, 2) into slabs of a few fields; a generator of views."""
    n_fields, height, width = flow.shape[:3]
    step = max(1, _SLAB // (height * width))
    for start in range(0, n_fields, step):
        yield flow[start : min(start + step, n_fields), ...]
