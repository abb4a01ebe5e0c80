"""One-shot programs over the slots: the daily run, and the explanation of one score."""
