"""What the devices themselves say: NVML's reading of a node's GPUs, its report to the Hub, and what follows from reports."""
