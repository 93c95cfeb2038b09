"""Clip to clip: crop and align, register, interpolate in time, magnify motion, spot the apex."""

from cdmer._public import publish
from cdmer.preprocessing._apex import spot_apex
from cdmer.preprocessing._apex_spotter import ApexSpotter
from cdmer.preprocessing._base import ClipTransformer, FrameTransformer, Processed
from cdmer.preprocessing._choose_face import SeveralFacesWarning, parse_face
from cdmer.preprocessing._crop_align import CropAlign, FaceNotFoundError
from cdmer.preprocessing._crop_region import CropRegion
from cdmer.preprocessing._detector_texts import describe_detector, parse_detector
from cdmer.preprocessing._detectors import CascadeDetector, Face
from cdmer.preprocessing._flip import Flip, flip_flow
from cdmer.preprocessing._grey import ToGrey
from cdmer.preprocessing._landmarker import MediaPipeLandmarker
from cdmer.preprocessing._magnification import MotionMagnification
from cdmer.preprocessing._network_detectors import MediaPipeDetector, YuNetDetector
from cdmer.preprocessing._preparation import Preparation
from cdmer.preprocessing._register import HeadMotion, Register
from cdmer.preprocessing._resampling import LinearResampling, TemporalInterpolation
from cdmer.preprocessing._resize import Resize

__all__ = [
    "ApexSpotter",
    "CascadeDetector",
    "ClipTransformer",
    "CropAlign",
    "CropRegion",
    "Face",
    "FaceNotFoundError",
    "FrameTransformer",
    "Flip",
    "HeadMotion",
    "LinearResampling",
    "MediaPipeDetector",
    "MediaPipeLandmarker",
    "MotionMagnification",
    "Preparation",
    "Register",
    "Resize",
    "SeveralFacesWarning",
    "TemporalInterpolation",
    "ToGrey",
    "YuNetDetector",
    "describe_detector",
    "flip_flow",
    "parse_detector",
    "parse_face",
    "spot_apex",
]

publish(__name__, Processed)
