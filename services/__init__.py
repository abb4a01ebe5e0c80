"""Real Kafka and Redis for the demo, the tests and for working by hand. Not part of the product."""
