"""`python -m scaleproof`."""

from scaleproof.cli import main

if __name__ == "__main__":
    main()
