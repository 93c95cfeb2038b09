"""What databases spell in their own way, beyond their layouts."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Style:
    """Spellings of a database, and the oddities that its label file is known for.

    Parameters
    ----------
    clip : str
        What the label file calls a clip, from the subject's name ``{subject}`` and number ``{s}``,
        the emotion ``{label}`` and its first letters ``{short}``, the number ``{i}`` of the clip
        within the subject, and the number ``{r}`` or ``{letter}`` of the recording, one for two
        clips.
    setup : str
        Preset of the recording set-up that comes nearest.
    first, step : int
        Number of the first frame of the first clip, and how far that of each next one lies beyond.
    subject : str
        The subject's name from its number, where the layout does not say.
    units : tuple of str
        How action units are written; each takes the next one.
    joints : tuple of str
        What joins them; each clip takes the next one.
    doubtful : str
        What the action units of one clip have in addition; empty for nothing.
    capitals, arabic : bool
        Emotions begin with a capital letter; objective classes are written 1 to 7.
    others : tuple of str
        How the emotion "others" is written; each clip takes the next one.
    without_offset, early_apex : bool
        One row has no offset; one has its apex before its onset.
    unit_columns : tuple of str
        Headers of further columns, each of which holds 1 for the clips that show a unit.
    """

    clip: str
    setup: str = "lab-100fps"
    first: int = 1
    step: int = 0
    subject: str = "{}"
    units: tuple[str, ...] = ("{}", "L{}", "R{}")
    joints: tuple[str, ...] = ("+",)
    doubtful: str = ""
    capitals: bool = False
    arabic: bool = False
    others: tuple[str, ...] = ("others",)
    without_offset: bool = False
    early_apex: bool = False
    unit_columns: tuple[str, ...] = ()


_SMIC = "{subject}_{short}_{i:02d}"
_DFME = Style("{subject}_{i:03d}", "lab-200fps", subject="S{:03d}")
_CASME3 = Style(
    "{letter}",
    "webcam-25fps",
    subject="spNO.{}",
    units=("{}", "L{}", "T{}"),
    others=("others", "Others"),
    early_apex=True,
)
STYLES = {
    "smic-hs": Style(_SMIC, first=1201, step=400),
    "smic-vis": Style(_SMIC, "webcam-25fps", first=301, step=100),
    "smic-nir": Style(_SMIC, "nir-25fps", first=301, step=100),
    "casme": Style("EP{r:02d}_{i}", first=1, joints=("+", "\N{FULLWIDTH COMMA}")),
    "casme2": Style("EP{r:02d}_{i:02d}f", "lab-200fps", 41, 7, without_offset=True),
    "cas-me-2": Style("{label}{r}_{i}", "webcam-25fps", 61, 31),
    "casme3-a": _CASME3,
    "casme3-c": Style("{i}", "webcam-25fps", joints=(",", "\N{FULLWIDTH COMMA}")),
    "samm": Style(
        "{subject}_{r}_{i}",
        "lab-200fps",
        1001,
        517,
        units=("{}", "R{}B", "L{}A", "{}C"),
        doubtful=" or 15",
        capitals=True,
        arabic=True,
        others=("Other",),
    ),
    "mmew": Style("S{s:02d}-{r:02d}-{i:03d}"),
    "4dme": Style(
        "{subject}_{i:02d}",
        subject="sub{}",
        units=("AU{}",),
        doubtful="(k)",
        capitals=True,
        others=("Others",),
        unit_columns=("AU1", "AU2", "AU4", "AU6", "AU12", "AU17"),
    ),
    "dfme-a": _DFME,
    "dfme-b": _DFME,
    "dfme-c": _DFME,
}
