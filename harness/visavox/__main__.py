"""``python -m visavox`` is the command ``visavox``."""

from visavox.cli import main

if __name__ == "__main__":
    main()
