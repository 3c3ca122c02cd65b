"""An HTML report on finished runs, on one page."""
