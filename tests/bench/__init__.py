"""Measures the cost per event of every layer of the stream, on a real broker and a real Redis."""
