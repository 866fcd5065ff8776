"""Questions, one module per part."""
