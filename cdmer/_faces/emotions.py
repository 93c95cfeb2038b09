"""Which action units show which emotion, and which emotions make up a class."""

# Action units and their probabilities per emotion, and the emotions of each class: the expert table
# of MiE-X (Liu et al., 2022, arXiv:2112.01730).
EMOTIONS = {
    "happiness": {"12": 1.0, "25": 0.5, "6": 0.5},
    "surprise": {"1": 1.0, "2": 1.0, "5": 0.5, "25": 0.5, "26": 0.5},
    "sadness": {"4": 1.0, "1": 0.5, "15": 0.5},
    "fear": {"5": 0.5, "20": 0.5, "25": 0.5, "26": 0.5},
    "anger": {"4": 1.0, "7": 0.5, "23": 0.5},
    "disgust": {"9": 1.0, "10": 0.5, "17": 1.0},
    "contempt": {"14": 1.0},
}
EMOTIONS_OF = {
    "negative": ("sadness", "fear", "anger", "disgust", "contempt"),
    "positive": ("happiness",),
    "surprise": ("surprise",),
}
