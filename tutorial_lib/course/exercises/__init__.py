"""Exercises, one module per part: cases that tell the mistakes apart, and a sentence for each mistake."""
