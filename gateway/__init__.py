"""The gateway: everything that touches the world. One folder for each outside world, one file for each flow."""
