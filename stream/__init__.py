"""The long-running side: Kafka records in, slots in Redis out."""
