"""`python -m tutorial_lib COMMAND`: runs on any Python 3, to be able to say which Python is needed."""

from __future__ import annotations

import sys

from tutorial_lib.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
