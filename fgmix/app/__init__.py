"""A local web page to try a model: it shows the predictions and a heat map of a photo."""
