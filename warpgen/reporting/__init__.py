"""What is told of datasets: figures, manifests, checks, pages."""
