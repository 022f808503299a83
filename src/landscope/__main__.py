"""``python -m landscope``, the same as the command ``landscope``."""

from landscope.cli import main

if __name__ == "__main__":
    main()
