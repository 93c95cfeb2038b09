"""One line per database."""

from cdmer._parameters import check_choice
from cdmer.corpora._databases.databases import (
    CAS_ME_2,
    CASME,
    CASME2,
    CASME3,
    DFME,
    FOURDME,
    MMEW,
    SAMM,
    SMIC,
)
from cdmer.corpora._databases.load import load_layout


def load_smic(path, *, camera="HS", variant="raw", colour=False):
    """Load SMIC: 164 clips of the high-speed camera, 71 each of the other two.

    Parameters
    ----------
    path : path-like
        The folder with ``HS``, ``VIS`` and ``NIR`` in it, or ``SMIC_all_cropped`` for the cropped
        variant; itself or in a folder within.
    camera : {"HS", "VIS", "NIR"}, default="HS"
        High speed (100 frames per second), visible light or near infrared (25 each).
    variant : {"raw", "cropped"}, default="raw"
        Which frames.
    colour : bool, default=False
        Give frames in red, green and blue in place of grey levels.

    Returns
    -------
    Corpus
        ``"smic-hs"``, ``"smic-vis"`` or ``"smic-nir"``, in the order of subjects, emotions and
        clips. Onset and offset are the first and the last frame, between which the clips were cut;
        no apex is given, see `cdmer.preprocessing.ApexSpotter`.

    Raises
    ------
    ValueError
        If a folder is missing or cannot be read, or there is no clip.
    ParameterError
        If a parameter is not as above.

    Warns
    -----
    UserWarning
        If a folder gives no clip; `faults` tells which, and why.

    Notes
    -----
    There is no label file: frames lie in
    ``{camera}/{subject}/micro/{negative,positive,surprise}/{clip}``.

    References
    ----------
    Li, Pfister, Huang, Zhao, Pietikäinen: A Spontaneous Micro-expression Database: Inducement,
    collection and baseline, FG 2013, doi:10.1109/FG.2013.6553717.
    """
    check_choice("camera", camera, tuple(SMIC))
    return load_layout(SMIC[camera], path, variant, True, colour, None)


def load_casme(path, *, variant="raw", repair=True, colour=False, label_file=None):
    """Load CASME: 189 clips at 60 frames per second.

    Parameters are those of `load_database`, with ``variant="raw"`` (``CASME_raw_selected``) or
    ``"cropped"`` (``Cropped``), as are the errors and what is returned.

    Notes
    -----
    Label file ``casme.xlsx``, frames in ``sub{01}/{clip}``. Some rows have a wrong onset, apex or
    offset; which is right is not published, so they are listed as faults. The apex is column
    ``ApexF1``.

    References
    ----------
    Yan, Wu, Liu, Wang, Fu: CASME database: A dataset of spontaneous micro-expressions collected
    from neutralized faces, FG 2013, doi:10.1109/FG.2013.6553799.
    """
    return load_layout(CASME, path, variant, repair, colour, label_file)


def load_casme2(path, *, variant="raw", repair=True, colour=False, label_file=None):
    """Load CASME II: 255 or 256 clips, depending on the release, at 200 frames per second.

    Parameters are those of `load_database`, with ``variant="raw"`` (``CASME2_RAW_selected``) or
    ``"cropped"`` (``Cropped`` or ``Cropped_original``), as are the errors and what is returned.

    Notes
    -----
    Label file ``CASME2-coding-*.xlsx``, frames in ``sub{01}/{clip}``. 21 cells of the apex hold
    ``"/"``: these clips have none, see `cdmer.preprocessing.ApexSpotter`. Emotions: others 99,
    disgust 63 (64 of the 256 clips), happiness 32, repression 27, surprise 25, sadness 7, fear 2.

    References
    ----------
    Yan, Li, Wang, Zhao, Liu, Chen, Fu: CASME II: An Improved Spontaneous Micro-Expression Database
    and the Baseline Evaluation, PLOS ONE 9(1), 2014, doi:10.1371/journal.pone.0086041.
    """
    return load_layout(CASME2, path, variant, repair, colour, label_file)


def load_cas_me_2(path, *, variant="cropped", repair=True, colour=False, label_file=None):
    """Load CAS(ME)^2: 54 clips of micro-expressions at 30 frames per second.

    Parameters are those of `load_database`, with ``variant="cropped"``, as are the errors and what
    is returned.

    Notes
    -----
    Label file ``CAS(ME)2.xls``, without header: index of the subject, clip, onset, apex, offset,
    emotion. An apex of 0 is none. Frames in ``cropped/{subject}/{clip}``.

    References
    ----------
    Qu, Wang, Yan, Li, Wu, Fu: CAS(ME)^2: A Database for Spontaneous Macro-Expression and
    Micro-Expression Spotting and Recognition, IEEE Transactions on Affective Computing 9(4), 2018,
    doi:10.1109/TAFFC.2017.2654440.
    """
    return load_layout(CAS_ME_2, path, variant, repair, colour, label_file)


def load_casme3(path, *, part="A", variant="raw", repair=True, colour=False, label_file=None):
    """Load CAS(ME)^3: 860 clips of part A or 165 of part C, at 30 frames per second.

    Parameters are those of `load_database`, and ``part="A"`` or ``"C"``, as are the errors and what
    is returned. Variants of part A: ``"raw"``, recordings of which a clip is the frames from onset
    to offset, in ``part_A/{subject}/{file}/color``; ``"clips"``, the cut release, in
    ``Part_A_ME_clip/frame/{subject}_{file}_{onset}``. Of part C: ``"raw"``, in
    ``{subject}/{count}/color``; ``"recordings"``, to be cut, in ``{subject}/a/color``.

    Notes
    -----
    Label files ``cas(me)3_part_A_ME_label_JpgIndex_v2.xlsx``, the first sheet, and
    ``CAS(ME)3_part_C_ME.xlsx``, sheet ``mockCrimeME``. In part A a file name occurs more than once
    per subject, so that a clip is named by file and onset, ``"a_116"``. Part C has no apex. Depth
    is not read.

    References
    ----------
    Li, Dong, Lu, Wang, Yan, Ma, Liu, Huang, Fu: CAS(ME)^3: A Third Generation Facial Spontaneous
    Micro-Expression Database with Depth Information and High Ecological Validity, IEEE TPAMI 45(3),
    2023, doi:10.1109/TPAMI.2022.3174895.
    """
    check_choice("part", part, tuple(CASME3))
    return load_layout(CASME3[part], path, variant, repair, colour, label_file)


def load_samm(path, *, variant="raw", repair=True, colour=False, label_file=None):
    """Load SAMM: 159 clips at 200 frames per second, grey.

    Parameters are those of `load_database`, with ``variant="raw"`` (``SAMM``) or ``"cropped"``
    (``SAMM_CROP``), as are the errors and what is returned.

    Notes
    -----
    Label file ``SAMM_Micro_FACS_Codes_v2.xlsx``, header below a dozen rows of remarks; frames in
    ``{006}/{clip}``. The apex of 032_3_1 stands as 1930, before its onset; the repair makes it
    4945. Where the action units leave a choice, "x or y", they are kept as written and listed.

    References
    ----------
    Davison, Lansley, Costen, Tan, Yap: SAMM: A Spontaneous Micro-Facial Movement Dataset, IEEE
    Transactions on Affective Computing 9(1), 2018, doi:10.1109/TAFFC.2016.2573832.
    """
    return load_layout(SAMM, path, variant, repair, colour, label_file)


def load_mmew(path, *, variant="raw", repair=True, colour=False, label_file=None):
    """Load MMEW: 300 clips of micro-expressions at 90 frames per second.

    Parameters are those of `load_database`, with ``variant="raw"``, as are the errors and what is
    returned.

    Notes
    -----
    Label file ``MMEW_Micro_Exp.xlsx``, frames in ``Micro_Expression/{emotion}/{clip}``. Several
    rows have a wrong apex or offset; which is right is not published, so they are listed as faults.

    References
    ----------
    Ben, Ren, Zhang, Wang, Kpalma, Meng, Liu: Video-Based Facial Micro-Expression Analysis: A Survey
    of Datasets, Features and Algorithms, IEEE TPAMI 44(9), 2022, doi:10.1109/TPAMI.2021.3067464.
    """
    return load_layout(MMEW, path, variant, repair, colour, label_file)


def load_4dme(path, *, variant="raw", repair=True, colour=False, label_file=None):
    """Load the grey micro-expressions of 4DME: 267 clips at 60 frames per second.

    Parameters are those of `load_database`, with ``variant="raw"`` (``gray_micro``) or
    ``"cropped"`` (``gray_micro_crop``), as are the errors and what is returned.

    Notes
    -----
    Label file ``4DME_Labelling_Micro_release v1.xlsx``, frames in ``{subject}/{clip}``. Action
    units marked ``(k)`` are kept with their mark and listed. In the first release the action units
    of two rows are said to be swapped; which clips they belong to is not published, so nothing is
    done about it.

    References
    ----------
    Li, Cheng, Li, Behzad, Shen, Zafeiriou, Pantic, Zhao: 4DME: A Spontaneous 4D Micro-Expression
    Dataset With Multimodalities, IEEE Transactions on Affective Computing 14(4), 2023,
    doi:10.1109/TAFFC.2022.3182342.
    """
    return load_layout(FOURDME, path, variant, repair, colour, label_file)


def load_dfme(path, *, part="A", variant="raw", repair=True, colour=False, label_file=None):
    """Load a part of DFME: 1,118 (A), 969 (B) or 5,439 (C) clips.

    Parameters are those of `load_database`, and ``part="A"``, ``"B"`` or ``"C"``, as are the errors
    and what is returned.

    Notes
    -----
    Parts are recorded at 500, 300 and 200 frames per second. Each release documents its own layout;
    expected are a label file that names the part, with columns for subject, file, onset, apex,
    offset, emotion and action units, and frames in ``{subject}/{clip}`` or ``{clip}``, within
    ``part_{part}`` or not. For any other layout there is `load_manifest`.

    References
    ----------
    Zhao, Tang, Mao, Liu, Zhang, Wang, Xu, Chen: DFME: A New Benchmark for Dynamic Facial
    Micro-Expression Recognition, IEEE Transactions on Affective Computing 15(3), 2024,
    doi:10.1109/TAFFC.2023.3341918.
    """
    check_choice("part", part, tuple(DFME))
    return load_layout(DFME[part], path, variant, repair, colour, label_file)
