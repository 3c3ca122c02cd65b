"""The names of the heat maps, where TensorFlow need not be imported to list them."""

MAP_NAMES = {
    "before": "energy before attention",
    "spatial": "spatial map v",
    "energy": "energy after attention",
    "gradcam": "Grad-CAM",
}
"""name -> what a figure calls it, in the order of the network."""

MAP_MEANINGS = {
    "before": "how strong the last feature map is at each place",
    "spatial": "how much the attention weighs each place",
    "energy": "how strong the feature map is once attention has weighed it",
    "gradcam": "what speaks for the class that was named",
}
"""name -> what it shows, in plain words."""
