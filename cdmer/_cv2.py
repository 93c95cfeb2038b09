"""OpenCV, imported where it is used."""


def import_cv2():
    """Import OpenCV.

    Returns
    -------
    module
        ``cv2``.

    Raises
    ------
    ImportError
        If OpenCV cannot be imported; says what to install on a machine without a display.
    """
    try:
        import cv2
    except ImportError as error:
        raise ImportError(
            "OpenCV (cv2) could not be imported: opencv-python links to a display library that is "
            "missing here; opencv-python-headless takes its place"
        ) from error
    return cv2
