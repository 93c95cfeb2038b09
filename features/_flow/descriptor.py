"""What descriptors of motion share: optical flow in place of grey levels."""

from cdmer._parameters import ParameterError
from cdmer.features._descriptor import ClipDescriptor, shares
from cdmer.features._flow.clip_flow import OpticalFlow, clip_flow

# Pixels handled at once: their arrays stay in the second-level cache.
_SLAB = 2**16


class FlowDescriptor(ClipDescriptor):
    """Base of descriptors of the flow that the parameter `flow`, an OpticalFlow or None, measures.

    A subclass defines what `ClipDescriptor` asks for, and

    - ``_default_flow``: dict of the parameters of `OpticalFlow` that None stands for.
    """

    _fewest_frames = 2

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
    """Base of histograms of all vectors of a clip, as shares of their sum in each region.

    A subclass defines ``_count(field, boxes)``: votes in each region, an array of float64, shape
    (n_regions, n_columns), for an array of flow, shape (n_fields, H, W, 2).
    """

    def _describe(self, data, boxes):
        return shares(sum(self._count(field, boxes) for field in slabs(data)))


def slabs(flow):
    """Cut flow of shape (n_fields, H, W, 2) into slabs of a few fields; a generator of views."""
    n_fields, height, width = flow.shape[:3]
    step = max(1, _SLAB // (height * width))
    for start in range(0, n_fields, step):
        yield flow[start : min(start + step, n_fields), ...]
