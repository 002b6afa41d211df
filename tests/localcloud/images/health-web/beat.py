"""The product's `beat`, as its catalogue starts it."""

import role

if __name__ == "__main__":
    role.main("beat")
