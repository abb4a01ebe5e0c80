"""The canary: a synthetic account that sends a known number of events and checks that they come out."""
