"""Synthetic corpora: rendered faces under the recording set-ups of real ones."""

import numpy as np

from cdmer._faces.emotions import EMOTIONS, EMOTIONS_OF
from cdmer._faces.identity import draw_identities
from cdmer._faces.motion import draw_course, draw_head
from cdmer._faces.render import Render
from cdmer._faces.setups import PRESETS, RecordingSetup, check_count
from cdmer._limits import check_clip_bytes
from cdmer.corpora._clip import Clip
from cdmer.corpora._corpus import Corpus

CLASSES = ("negative", "positive", "surprise")
_MOST, _MOST_PIXELS = 100_000, 4096  # clips or people; pixels along a side


def make_synthetic_corpus(
    preset="lab-200fps", *, n_clips=60, n_subjects=10, size=112, random_state=None, name=None
):
    """Make a corpus of rendered faces that show micro-expressions.

    People differ in shape, skin, brows, eyes, nose, mouth, hair, beard, glasses and texture. Each
    clip shows one expression, drawn from the expert table of MiE-X: its action units displace the
    skin locally and smoothly, from onset over apex to offset within 0.1 to 0.5 s. Heads drift and
    tremble, and people blink, whatever they feel. Frames are rendered when they are read.

    Parameters
    ----------
    preset : str or RecordingSetup, default="lab-200fps"
        A name in `PRESETS`, or a set-up of your own.
    n_clips : int, default=60
        Number of clips, at least 3: every class occurs.
    n_subjects : int, default=10
        Number of people; clips go round them in turn.
    size : int, default=112
        Width and height of the frames, pixels; at least 32.
    random_state : int, RandomState instance or None, default=None
        Seed of people, expressions and noise; an int for reproducible corpora. Presets draw
        different people from one seed.
    name : str, default=None
        Name of the corpus. None: the preset's, or ``"synthetic"`` for a set-up of your own.

    Returns
    -------
    Corpus
        Labels are ``"negative"``, ``"positive"`` and ``"surprise"``; onset, apex and offset count
        frames from 0.

    Raises
    ------
    ValueError, TypeError
        If the preset is unknown, or a number is too small, too large for the memory or no number.

    Examples
    --------
    >>> from cdmer.corpora import make_synthetic_corpus
    >>> corpus = make_synthetic_corpus("webcam-25fps", n_clips=6, n_subjects=3, random_state=0)
    >>> corpus
    Corpus('webcam-25fps', 6 clips, 3 subjects)
    >>> corpus[0].frames.shape[1:]
    (112, 112)
    """
    setup, preset_name = _look_up(preset)
    check_count("n_clips", n_clips, len(CLASSES), _MOST)
    check_count("n_subjects", n_subjects, 1, _MOST)
    check_count("size", size, 32, _MOST_PIXELS)
    rng = _generator(random_state, preset_name)
    people = draw_identities(n_subjects, rng)
    labels = _draw_labels(setup.balance, n_clips, rng)
    name = preset_name if name is None else name
    counts, clips = {}, []
    for i, label in enumerate(labels):
        subject = i % n_subjects
        counts[subject, label] = counts.get((subject, label), 0) + 1
        clip_name = f"s{subject + 1:02d}_{label[:2]}_{counts[subject, label]:02d}"
        clips.append(_make_clip(setup, people[subject], label, clip_name, name, size, rng))
    return Corpus(clips, name)


def _look_up(preset):
    if isinstance(preset, RecordingSetup):
        return preset, "synthetic"
    if preset not in PRESETS:
        raise ValueError(
            f"preset: expected a RecordingSetup or one of {sorted(PRESETS)}, got {preset!r}"
        )
    return PRESETS[preset], preset


def _generator(random_state, preset_name):
    from sklearn.utils import check_random_state

    seed = check_random_state(random_state).randint(2**31 - 1)
    return np.random.default_rng([seed, *preset_name.encode()])


def _draw_labels(balance, n_clips, rng):
    """Classes in the set-up's shares, each at least once, in random order."""
    shares = np.asarray(balance) / np.sum(balance) * (n_clips - len(CLASSES))
    counts = 1 + np.floor(shares).astype(int)
    for index in np.argsort(np.floor(shares) - shares)[: n_clips - counts.sum()]:
        counts[index] += 1
    return rng.permutation(np.repeat(CLASSES, counts)).tolist()


def _make_clip(setup, who, label, clip_name, corpus, size, rng):
    intensities = _draw_action_units(label, setup.amplitude, rng)
    course, blink, head, numbers = _draw_motion(setup, rng)
    check_clip_bytes(len(course) * size**2, f"size: {size} x {size} pixels, {len(course)} frames")
    render = Render(
        who=who,
        setup=setup,
        size=size,
        intensities=tuple(intensities.items()),
        course=course,
        blink=tuple(blink.tolist()),
        head=tuple(map(tuple, head.tolist())),
        seed=int(rng.integers(2**63)),
    )
    onset, apex, offset = numbers
    return Clip(
        render,
        clip_name,
        clip_name[:3],
        corpus,
        label,
        onset,
        apex,
        offset,
        tuple(intensities),
        setup.fps,
    )


def _draw_action_units(label, amplitude, rng):
    """Action units and intensities of one expression; never none."""
    action_units = EMOTIONS[rng.choice(EMOTIONS_OF[label])]
    drawn = []
    while not drawn:
        drawn = [
            action_unit for action_unit, chance in action_units.items() if rng.random() < chance
        ]
    return {action_unit: float(amplitude * rng.uniform(0.7, 1.3)) for action_unit in drawn}


def _draw_motion(setup, rng):
    """Course of the expression, lids and head per frame, and the numbers of the key frames."""
    course, moments = draw_course(setup.fps, rng)
    seconds = np.arange(len(course)) / setup.fps
    head = draw_head(seconds, rng, setup.head_motion)
    blink = np.zeros(len(course))
    if rng.random() < setup.blink_rate * seconds[-1]:
        blink = np.exp(-0.5 * ((seconds - rng.uniform(0, seconds[-1])) / 0.045) ** 2)
        blink[blink < 0.01] = 0
    return course, blink, head, moments
