"""What crosses the borders of the system: typed values, their JSON, settings and exit codes. Pure."""
