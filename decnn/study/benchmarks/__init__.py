"""What is measured of a machine: speed, memory and cost, beside a straightforward implementation, and how they grow."""
