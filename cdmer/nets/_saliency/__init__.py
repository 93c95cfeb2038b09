"""Where a network looks: Grad-CAM, occlusion, and maps over facial regions."""
