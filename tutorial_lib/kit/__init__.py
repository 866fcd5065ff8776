"""Machinery with no content: no module in here knows a chapter."""
