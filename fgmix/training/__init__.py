"""Training: inputs, optimizer, callbacks, checkpoints and distribution."""
