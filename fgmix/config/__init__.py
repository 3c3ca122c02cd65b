"""The settings of a run: one complete, frozen config, and what each setting affects."""
