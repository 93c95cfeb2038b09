"""Progress bars that stay silent where nobody looks."""


def progress_bar(total, description, unit, show=None):
    """Make a progress bar on the standard error stream.

    Parameters
    ----------
    total : int
        Number of units of work.
    description : str
        What is being done.
    unit : str
        Name of one unit, singular.
    show : bool or None
        None shows the bar on terminals alone; False never.

    Returns
    -------
    tqdm.tqdm
        A context manager with ``update(n)``.
    """
    from tqdm import tqdm

    disable = None if show is None else not show
    return tqdm(total=total, desc=description, unit=f" {unit}", disable=disable, smoothing=0.1)
