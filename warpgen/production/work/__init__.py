"""What a worker does: from a unit to its shard."""
