"""Hyperparameter sweeps with AzureML semantics, independent of Hydra."""
