"""Carriers that operators hold, on disk, so that a hold outlives the process that was told of it."""
