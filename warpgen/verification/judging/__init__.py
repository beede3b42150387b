"""What a program's run shows: its values and its gradients against references."""
