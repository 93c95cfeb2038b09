"""How large a label file may be."""

# The largest label file of a database has a few megabytes and a few thousand rows. What is far
# beyond would fill the memory, by accident or on purpose.
MAX_BYTES = 32 * 2**20
MAX_UNPACKED = 64 * 2**20
MAX_ROWS = 100_000
MAX_COLUMNS = 1_000
MAX_CELLS = 2**22  # rows times columns, empty cells included
MAX_LETTERS = 2**15  # of a cell; spreadsheets have one less
MAX_TEXT = 2**26  # letters of all cells; in a spreadsheet many may be one text


def check_extent(rows, columns, where):
    """Refuse tables larger than a label file is.

    Raises
    ------
    ValueError
        If there are more than `MAX_ROWS` or `MAX_COLUMNS`.
    """
    if rows > MAX_ROWS or columns > MAX_COLUMNS:
        raise ValueError(
            f"{where}: expected at most {MAX_ROWS} rows and {MAX_COLUMNS} columns, got a cell in "
            f"row {rows}, column {columns}"
        )


def check_count(n_cells, where):
    """Refuse more cells than a label file has.

    Raises
    ------
    ValueError
        If there are more than `MAX_CELLS`.
    """
    if n_cells > MAX_CELLS:
        raise ValueError(f"{where}: expected at most {MAX_CELLS} cells, got more")
