import sys
from pathlib import Path

# Workers are processes of their own: what they unpickle has to be importable there.
sys.path.insert(0, str(Path(__file__).parent))
