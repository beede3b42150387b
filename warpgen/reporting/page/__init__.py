"""The statistics as one HTML file that needs no network: charts, the map of builtins, a browser of rows."""
