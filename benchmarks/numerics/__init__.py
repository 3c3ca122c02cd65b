"""How close the numbers are to what they should be."""
