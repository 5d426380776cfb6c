"""Hydra sweeper with AzureML semantics: `hydra/sweeper=azsweep`."""
