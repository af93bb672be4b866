"""All that runs on compute nodes: reads the devices through NVML and reports to the Hub. Needs Python and pynvml only."""
