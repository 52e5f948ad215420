"""``python -m gmmkit``: the command line."""

from gmmkit.cli.main import main

if __name__ == "__main__":
    main()
