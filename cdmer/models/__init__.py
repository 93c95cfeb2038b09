"""Fitted pipelines in files, and their predictions for clips of one's own.

`train_model` does all of it, and says how good the model is on people left out, as `cdmer train`
does:

    trained = train_model(load_manifest("clips.csv"), "bi-woof")
    trained.model.evaluation["scores"]
    trained.save("model.skops")

Or fit on clips, save, predict; `cdmer predict model.skops face.avi` does the last step for a video
file or a folder of frames:

    clips, y, domain = pack(load_casme2(path), webcam, "three")
    pipeline = make_pipeline(LBPTOP(), HellingerMap(), TGSR(groups=85, n_selected=43))
    pipeline.fit(clips, y, tgsr__sample_domain=domain)
    names = get_scheme("three").classes
    save_model("model.skops", pipeline, clips, class_names=names, sample_domain=domain)
    print(predict_clip(load_model("model.skops"), clip))
"""

from cdmer._public import publish
from cdmer.models._calibration import Calibration
from cdmer.models._figure import plot_prediction
from cdmer.models._fitted import FittedModel
from cdmer.models._limits import ClipLimits
from cdmer.models._live import StreamPrediction, predict_stream, usual_window
from cdmer.models._measures import ClipMeasures
from cdmer.models._prediction import Prediction, RegionDrops, predict_clip
from cdmer.models._storage import load_model, save_model
from cdmer.models._train import TrainedModel, train_model
from cdmer.models._trust import UntrustedModelError

__all__ = [
    "Calibration",
    "ClipLimits",
    "ClipMeasures",
    "FittedModel",
    "Prediction",
    "RegionDrops",
    "StreamPrediction",
    "TrainedModel",
    "UntrustedModelError",
    "load_model",
    "plot_prediction",
    "predict_clip",
    "predict_stream",
    "save_model",
    "train_model",
    "usual_window",
]

publish(__name__)
