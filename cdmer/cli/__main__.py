"""``python -m cdmer.cli`` is the ``cdmer`` command."""

from cdmer.cli import main

main()
