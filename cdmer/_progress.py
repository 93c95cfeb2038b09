"""Progress bars on terminals."""


def progress_bar(total, description, step, show=None, done=0):
    """Make a progress bar on the standard error stream.

    Parameters
    ----------
    total : int
        Number of steps.
    description : str
        What is being done.
    step : str
        Name of one step, singular.
    show : bool or None
        None shows the bar on terminals alone; False never.
    done : int, default=0
        Steps that were done before; the time left follows from the others.

    Returns
    -------
    tqdm.tqdm
        A context manager with ``update(n)``.
    """
    from tqdm import tqdm

    disable = None if show is None else not show
    return tqdm(
        total=total,
        initial=done,
        desc=description,
        unit=f" {step}",
        disable=disable,
        smoothing=0.1,
    )
