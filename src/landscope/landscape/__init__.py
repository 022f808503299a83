"""The ground floor: pure functions from tensors to numbers, each a definition of the paper."""
