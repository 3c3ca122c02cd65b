"""How good the models are, and how sure the comparisons."""
