"""Training on the stored features of a frozen backbone."""
