"""`cdmer predict` about many clips: one model, an answer or an error for each."""

import json
from io import StringIO

import cv2
import numpy as np
import pandas as pd
import pytest
from command_line import cdmer

from cdmer.corpora import make_synthetic_corpus
from cdmer.models import load_model, predict_clip

CLASSES = ("negative", "positive", "surprise")


def write_video(path, frames, fps=25):
    size = frames.shape[2], frames.shape[1]
    video = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), fps, size)
    for frame in frames:
        video.write(cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR))
    video.release()


def write_frames(folder, frames):
    folder.mkdir()
    for number, frame in enumerate(frames):
        cv2.imwrite(str(folder / f"{number}.png"), frame)


@pytest.fixture(scope="module")
def clips():
    return list(make_synthetic_corpus("webcam-25fps", n_clips=3, size=48, random_state=5))


@pytest.fixture(scope="module")
def folder(clips, tmp_path_factory):
    """Two folders of frames, a video, and what is no recording."""
    folder = tmp_path_factory.mktemp("many")
    write_frames(folder / "a", clips[0].frames)
    write_frames(folder / "b", clips[1].frames)
    write_video(folder / "c.avi", clips[2].frames)
    (folder / "notes.md").write_text("x")
    (folder / ".hidden").mkdir()
    return folder


@pytest.fixture
def said_of_frames(saved, clips):
    model = load_model(saved[0])
    return [predict_clip(model, clip.frames) for clip in clips[:2]]


def test_a_folder_gives_a_line_per_recording(saved, folder, said_of_frames):
    code, out, err = cdmer("predict", saved[0], folder)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert [line.partition(": ")[0] for line in lines] == [
        str(folder / name) for name in ("a", "b", "c.avi")
    ]
    for line, prediction in zip(lines, said_of_frames, strict=False):
        best = f"{prediction.label} (score {max(prediction.scores):.3g})"
        assert line.endswith(f": {best}")


def test_json_lines_are_what_one_clip_gives(saved, folder, said_of_frames):
    code, out, err = cdmer("predict", saved[0], folder / "a", folder / "b", "--json")
    assert (code, err) == (0, "")
    for name, line, prediction in zip("ab", out.splitlines(), said_of_frames, strict=True):
        said = json.loads(line)
        alone = json.loads(cdmer("predict", saved[0], folder / name, "--json").stdout)
        alone.pop("model")
        assert said == alone
        assert said["class"] == prediction.label


def test_csv_has_a_row_per_clip_and_runs_nothing(saved, clips, folder, tmp_path, said_of_frames):
    write_frames(tmp_path / "=1+1", clips[0].frames)
    (tmp_path / "still").mkdir()
    cv2.imwrite(str(tmp_path / "still" / "1.png"), clips[0].frames[0])
    (tmp_path / "broken.avi").write_bytes(b"RIFF    AVI broken")
    code, out, err = cdmer("predict", saved[0], tmp_path, "--csv")
    assert code == 3
    [line] = err.splitlines()
    assert line.startswith(f"cdmer: {tmp_path / 'broken.avi'}: OpenCV cannot play the file")
    table = pd.read_csv(StringIO(out), keep_default_na=False)
    assert [name.rpartition("/")[2] for name in table["clip"]] == ["=1+1", "broken.avi", "still"]
    assert list(table["class"]) == [said_of_frames[0].label, "", ""]
    assert list(table["reason"]) == ["", "", "too short"]
    assert [bool(text) for text in table["error"]] == [False, True, False]
    scores = [float(table.loc[0, f"score_{name}"]) for name in CLASSES]
    np.testing.assert_allclose(scores, said_of_frames[0].scores, rtol=1e-12)
    code, out, _ = cdmer("predict", saved[0], "=1+1", "--csv")
    assert out.splitlines()[1].startswith("'=1+1,")


def test_a_manifest_names_clips_of_several_sizes(saved, clips, folder, tmp_path):
    write_frames(tmp_path / "large", np.repeat(np.repeat(clips[0].frames, 2, 1), 2, 2))
    write_frames(tmp_path / "small", clips[0].frames)
    (tmp_path / "clips.csv").write_text(
        "path,subject,label,onset,offset\nlarge,s1,,,\nsmall,s2,,2,9\n"
    )
    code, out, err = cdmer("predict", saved[0], tmp_path / "clips.csv")
    assert code == 0
    assert err == (
        "cdmer: clips/s1/large: the clip's frames have 96 x 96 pixels, those that the model was "
        "fitted on 48 x 48\n"
    )
    large, small = out.splitlines()
    assert large.startswith("clips/s1/large: ")
    expected = predict_clip(load_model(saved[0]), clips[0].frames[2:10])
    assert small.startswith(f"clips/s2/small: {expected.label} (score {max(expected.scores):.3g})")


def test_a_bad_clip_does_not_end_the_run(saved, folder, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "clips.csv").write_text("nothing\n1\n")
    bad = [tmp_path / "none.avi", tmp_path / "empty", tmp_path / "clips.csv"]
    code, out, err = cdmer("predict", saved[0], bad[0], folder / "a", *bad[1:])
    assert code == 3
    assert out.startswith(f"{folder / 'a'}: ")
    assert out.count("\n") == 1
    lines = err.splitlines()
    assert len(lines) == 3
    for line, path in zip(lines, bad, strict=True):
        assert str(path) in line
    assert cdmer("predict", saved[0], *bad).returncode == 1


def test_pictures_are_called_as_the_clips(saved, clips, folder, tmp_path):
    write_frames(tmp_path / "a", clips[2].frames)
    pictures = tmp_path / "pictures"
    paths = [folder / "a", folder / "c.avi", tmp_path / "a"]
    for _ in range(2):  # pictures of ours are replaced
        code, _, err = cdmer("predict", saved[0], *paths, "--out", pictures)
        assert (code, err) == (0, "")
        assert sorted(one.name for one in pictures.iterdir()) == ["a.png", "a_2.png", "c.avi.png"]
    code, _, err = cdmer("predict", saved[0], folder / "b", "--out", pictures)
    assert (code, err) == (0, "")
    assert (pictures / "b.png").exists()
    code, _, err = cdmer("predict", saved[0], *paths, "--out", tmp_path / "one.png")
    assert code == 2
    assert "--out: expected a folder for 3 clips, got 'one.png'" in err
    (pictures / "a.png").write_text("mine")
    code, out, err = cdmer("predict", saved[0], *paths, "--out", pictures)
    assert (code, err.count("\n")) == (3, 1)
    assert (pictures / "a.png").read_text() == "mine"
