"""What the figures share."""

INK, LINE = "#1a1a1a", "#d7dadf"
# Okabe and Ito's colours, apart for every kind of colour vision, but for their yellow, which fades
# on white.
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")
