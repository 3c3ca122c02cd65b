"""The names of the heat maps, where TensorFlow need not be imported to list them."""

MAP_NAMES = {
    "before": "energy before attention",
    "spatial": "spatial map v",
    "energy": "energy after attention",
    "gradcam": "Grad-CAM",
}
"""name -> what a figure calls it, in the order of the network."""
