import pickle

import numpy as np
import pytest
from doubles import Coin, Noise, contents

from cdmer.nets import ICEGANClassifier, load_generator
from cdmer.synthesis import Expression, GANRenderer, WarpRenderer, synthesize

SIZE = 32
LABELS = ["negative", "positive", "surprise"]


@pytest.fixture(scope="module")
def generator(tmp_path_factory):
    """File of a generator that has learnt next to nothing."""
    rng = np.random.default_rng(0)
    X, y = rng.uniform(size=(12, 2, SIZE, SIZE)), np.repeat(LABELS, 4)
    model = ICEGANClassifier(size=SIZE, width=4, n_epochs=1, batch_size=4, random_state=0)
    path = tmp_path_factory.mktemp("generator") / "generator.safetensors"
    model.fit(X, y).save_generator(path)
    return path


def test_frames_lead_from_the_neutral_face_to_what_the_generator_gives(generator):
    import torch

    faces = np.random.default_rng(1).integers(0, 256, (3, SIZE, SIZE), dtype=np.uint8)
    renderer = GANRenderer(generator, faces)
    assert (renderer.size, renderer.n_identities, renderer.classes) == (SIZE, 3, tuple(LABELS))
    expression = Expression("surprise", [("12", 1.0)])
    frames = renderer.render(2, expression, (0, 0.5, 1), np.random.default_rng(4))
    network, _ = load_generator(generator)
    noise = np.random.default_rng(4).standard_normal((1, network.n_noise), dtype=np.float32)
    with torch.no_grad():
        face = torch.from_numpy(faces[2] / np.float32(255))[None, None]
        apex = network(face, torch.tensor([2]), torch.from_numpy(noise))[0, 0].numpy()
    np.testing.assert_array_equal(frames[0], faces[2])
    assert np.abs(frames[2] - 255 * apex).max() <= 0.51
    assert np.abs(frames[1] - (faces[2] / 2 + 255 * apex / 2)).max() <= 0.51
    other = renderer.render(2, Expression("negative", ()), (0, 0.5, 1), np.random.default_rng(4))
    assert not np.array_equal(other[2], frames[2])


def test_a_corpus_by_a_generator(generator, tmp_path):
    """Its rows claim no action units: the generator has not seen them."""
    request = {"sources": {"a": Coin()}, "identities": 3}
    one = synthesize(tmp_path / "one", renderer=GANRenderer(generator), **request)
    assert one[0].action_units == ()
    assert "joy" not in (tmp_path / "one" / "manifest.csv").read_text()
    assert "0." not in (tmp_path / "one" / "manifest.csv").read_text()
    faces = WarpRenderer(size=SIZE)
    again = pickle.loads(pickle.dumps(GANRenderer(generator, faces)))
    synthesize(tmp_path / "two", renderer=again, **request)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    sources = {"a": Coin(classes=("others",))}
    with pytest.raises(ValueError, match="the renderer can show, got 'others'"):
        synthesize(tmp_path / "three", renderer=again, sources=sources, classes=("others",))


def test_classes_can_be_named(generator):
    renderer = GANRenderer(generator, classes=("a", "b", "c"))
    assert renderer.classes == ("a", "b", "c")
    pair = renderer.render(0, Expression("b", ()), (0, 1), np.random.default_rng(0))
    same = GANRenderer(generator).render(
        0, Expression("positive", ()), (0, 1), np.random.default_rng(0)
    )
    np.testing.assert_array_equal(pair, same)
    assert renderer.describe() != GANRenderer(generator).describe()


def test_what_does_not_match_is_named(generator, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.safetensors"):
        GANRenderer(tmp_path / "none.safetensors")
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(generator.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"broken\.safetensors: is no whole safetensors file"):
        GANRenderer(broken)
    with pytest.raises(ValueError, match=r"faces: expected a Renderer of size 32.*of size 64"):
        GANRenderer(generator, Noise(size=64))
    with pytest.raises(ValueError, match=r"faces: .*got float64 of shape \(1, 32, 32\)"):
        GANRenderer(generator, np.zeros((1, SIZE, SIZE)))
    with pytest.raises(ValueError, match=r"classes: expected names for the 3 classes"):
        GANRenderer(generator, classes=("a", "b"))
    with pytest.raises(ValueError, match=r"device: expected"):
        GANRenderer(generator, device="gpu")
    renderer = GANRenderer(generator, np.zeros((2, SIZE, SIZE), np.uint8))
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"identity: expected a whole number >= 0 and <= 1, got 2"):
        renderer.render(2, Expression("positive", ()), (0, 1), rng)
    with pytest.raises(ValueError, match=r"identity: expected a whole number .*, got 0\.5"):
        renderer.render(0.5, Expression("positive", ()), (0, 1), rng)
    with pytest.raises(ValueError, match=r"label: expected one of .*, got 'joy'"):
        renderer.render(0, Expression("joy", ()), (0, 1), rng)
    with pytest.raises(ValueError, match=r"course: expected shares from 0 to 1"):
        renderer.render(0, Expression("positive", ()), (0, 2), rng)


@pytest.mark.parametrize("classes", ["abc", {"a": 0, "b": 1, "c": 2}, None])
def test_a_file_whose_classes_are_no_list_holds_no_generator(generator, tmp_path, classes):
    from cdmer.nets._weights.tensor_file import open_tensors, write_tensors

    odd = tmp_path / "odd.safetensors"
    with open_tensors(generator) as file:
        tensors = {name: file.read(name) for name in file.entries}
        content = file.sealed["content"] | {"classes": classes}
    write_tensors(odd, "generator", tensors, content)
    with pytest.raises(ValueError, match=r"odd\.safetensors: holds no generator"):
        GANRenderer(odd)


def test_a_file_that_changes_in_between_is_noticed(generator, tmp_path):
    from cdmer.synthesis import _gan_renderer

    copy = tmp_path / "copy.safetensors"
    copy.write_bytes(generator.read_bytes())
    renderer = GANRenderer(copy)
    _gan_renderer._load.cache_clear()  # as in a worker that starts
    copy.write_bytes(b"")
    with pytest.raises(ValueError, match=r"copy\.safetensors: has changed"):
        renderer.render(0, Expression("positive", ()), (0, 1), np.random.default_rng(0))
