"""What runs cost in time and memory: `./scripts/bench` lists what is measured."""
