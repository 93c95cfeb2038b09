"""Files: written whole, read with limits, whoever made them."""
