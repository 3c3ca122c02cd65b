"""The accuracy of models, and the reliability of comparisons."""
