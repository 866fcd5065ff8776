"""All claims."""

from __future__ import annotations

CLAIMS: dict = {}
