"""The product's `worker`, as its catalogue starts it."""

import role

if __name__ == "__main__":
    role.main("worker")
